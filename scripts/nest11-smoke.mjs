// Packs the library, installs it in a CommonJS application on NestJS 11, compiles that with the settings of docs/guide/commonjs.md, runs it with plain
// `node`, and tests it with jest in the documented configuration.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeBlock, packLibrary, run } from './packed-library.mjs';

const page = 'docs/guide/commonjs.md';
const tsconfig = JSON.parse(await codeBlock(page, /```json\n(\{\n {2}"compilerOptions"[\s\S]*?)```/));
const jestConfig = await codeBlock(page, /```js\n(module\.exports[\s\S]*?)```/);

const appModule = `
import { Module } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { json, KeyValueStore, StateStore, StreamHandler, StreamProcessor, StreamsModule } from 'nestjs-streams';

@StateStore({ name: 'balances', key: 'string', value: json<number>(), engine: 'memory', query: true })
export class Balances extends KeyValueStore<string, number> {}

@StreamProcessor()
export class BalanceProcessor {
  constructor(private readonly balances: Balances) {}

  @StreamHandler('payments', { key: 'string', value: json<{ accountId: string; amount: number }>() })
  async apply(@Payload() { accountId, amount }: { accountId: string; amount: number }): Promise<void> {
    await this.balances.put(accountId, ((await this.balances.get(accountId)) ?? 0) + amount);
  }
}

@Module({
  imports: [
    StreamsModule.forRoot({
      applicationId: 'bank',
      embedded: { topics: { payments: { partitions: 2 } } },
      stateDir: process.env['STATE_DIR'],
      health: true,
      metrics: true,
    }),
    StreamsModule.forFeature({ processors: [BalanceProcessor], stores: [Balances] }),
  ],
})
export class AppModule {}
`;

/** Sends one payment, and asks the endpoints for its effect. */
const check = `
import type { INestApplication } from '@nestjs/common';
import { RecordProducer, StreamsHost } from 'nestjs-streams';
import type { StreamsHealthDetails } from 'nestjs-streams/health';

export async function answers(app: INestApplication): Promise<unknown[]> {
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  await app.get(StreamsHost).whenRunning();
  const payment = { key: 'acc-1', value: { accountId: 'acc-1', amount: 42 } };
  const position = await app.get(RecordProducer).send('payments', payment);
  const headers = { 'Streams-Min-Position': position, Prefer: 'wait=10' };
  const balance: unknown = await (await fetch(url + '/stores/balances/entries/acc-1', { headers })).json();
  const { info } = (await (await fetch(url + '/health/ready')).json()) as { info: { streams: StreamsHealthDetails } };
  const metrics = await (await fetch(url + '/metrics')).text();
  return [balance, info.streams.state, metrics.includes('streams_records_processed_total')];
}
`;

const main = `
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import assert from 'node:assert/strict';
import { AppModule } from './app.module';
import { answers } from './answers';

async function bootstrap(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  assert.deepEqual(await answers(app), [42, 'running', true]);
  await app.close();
}
bootstrap().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
`;

const spec = `
import { Test } from '@nestjs/testing';
import { AppModule } from './app.module';
import { answers } from './answers';

describe('AppModule', () => {
  it('counts a payment', async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    const app = module.createNestApplication();
    expect(await answers(app)).toEqual([42, 'running', true]);
    await app.close();
  });
});
`;

const folder = await mkdtemp(join(tmpdir(), 'streams-nest11-'));
try {
  const tarball = packLibrary(folder);
  const app = join(folder, 'app');
  await mkdir(join(app, 'src'), { recursive: true });
  const manifest = {
    name: 'nest11-app',
    private: true,
    dependencies: {
      'nestjs-streams': `file:../${tarball}`,
      '@nestjs/common': '^11.0.0',
      '@nestjs/core': '^11.0.0',
      '@nestjs/microservices': '^11.0.0',
      '@nestjs/platform-express': '^11.0.0',
      '@nestjs/terminus': '^11.0.0',
      '@willsoto/nestjs-prometheus': '^6.1.0',
      'prom-client': '^15.0.0',
      'reflect-metadata': '^0.2.2',
      rxjs: '^7.8.2',
    },
    devDependencies: {
      '@nestjs/testing': '^11.0.0',
      '@swc/core': '^1.0.0',
      '@swc/jest': '^0.2.39',
      '@types/jest': '^30.0.0',
      '@types/node': '^22.0.0',
      jest: '^30.0.0',
      'ts-jest': '^29.4.0',
      typescript: '~5.9.3',
    },
  };
  const older = { ...tsconfig.compilerOptions, module: 'commonjs', moduleResolution: 'node10', outDir: 'dist-older' };
  const files = {
    'package.json': JSON.stringify(manifest),
    'tsconfig.json': JSON.stringify(tsconfig),
    'tsconfig.older.json': JSON.stringify({ ...tsconfig, compilerOptions: older }),
    'jest.config.js': jestConfig,
    'src/app.module.ts': appModule,
    'src/answers.ts': check,
    'src/main.ts': main,
    'src/app.spec.ts': spec,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(app, name), text);
  // A peer range that refuses NestJS 11 fails here.
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--silent', '--prefer-offline'], app);
  for (const [config, entry] of [
    ['tsconfig.json', 'dist/main.js'],
    ['tsconfig.older.json', 'dist-older/main.js'],
  ]) {
    run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], app);
    run('env', [`STATE_DIR=${join(folder, entry)}`, process.execPath, entry], app);
    console.log(`a CommonJS application on NestJS 11 works, compiled by ${config}`);
  }
  run('env', [`STATE_DIR=${join(folder, 'jest')}`, process.execPath, 'node_modules/jest/bin/jest.js', '--ci'], app);
  console.log('its test passes with jest in the documented configuration');
} finally {
  await rm(folder, { recursive: true, force: true });
}
