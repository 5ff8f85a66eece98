import { defineConfig } from 'vitest/config';

const shared = {
  resolve: { tsconfigPaths: true },
  test: { pool: 'forks' as const, testTimeout: 20_000, hookTimeout: 60_000 },
};

export default defineConfig({
  test: {
    // Vitest's default is one worker fewer than cores: a machine with two cores would run one file at a time.
    maxWorkers: '100%',
    projects: [
      {
        ...shared,
        test: {
          ...shared.test,
          name: 'unit',
          include: [
            'libs/**/*.spec.ts',
            'src/**/*.spec.ts',
            'test/**/*.spec.ts',
            'docs/**/*.spec.ts',
            'bench/**/*.spec.ts',
          ],
        },
      },
      { ...shared, test: { ...shared.test, name: 'e2e', include: ['test/e2e/**/*.e2e-spec.ts'], testTimeout: 60_000 } },
      {
        ...shared,
        test: {
          ...shared.test,
          name: 'kafka',
          include: ['test/kafka/**/*.e2e-spec.ts'],
          globalSetup: ['test/kafka/broker.setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
