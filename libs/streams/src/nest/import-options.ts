import type { DynamicModule } from '@nestjs/common';
import { IMPORT_OPTION_TABLE } from '../config/module-option-table.js';
import { OptionReader } from '../config/option-reader.js';
import { EXTRA_DEFAULTS, type StreamsModuleExtras } from './streams-module-options.js';

/** Keys of `forRootAsync` that are Nest's own. */
const ASYNC_KEYS = ['imports', 'inject', 'useFactory', 'useClass', 'useExisting', 'provideInjectionTokensFrom'];

/** Returns what is wrong with the options that decide at import time. `StreamsHost` reports it together with all other problems. */
export function importProblems(options: unknown, form: 'forRoot' | 'forRootAsync'): string[] {
  if (typeof options !== 'object' || options === null) return [];
  // What `forRoot` takes besides these is read by `resolveConfig`.
  const extraKeys =
    form === 'forRootAsync' ? ASYNC_KEYS : Object.keys(options).filter((key) => !(key in EXTRA_DEFAULTS));
  return new OptionReader(options, { table: IMPORT_OPTION_TABLE, extraKeys }).problems;
}

/**
 * Loads the modules of the endpoints that are asked for; their packages are optional. A package that is missing is added to `problems`.
 */
export function endpointModules(
  { health, metrics }: StreamsModuleExtras,
  problems: string[],
): (DynamicModule | Promise<DynamicModule>)[] {
  const modules: Promise<DynamicModule>[] = [];
  const load = (option: string, packages: readonly string[], module: Promise<DynamicModule>): void =>
    void modules.push(
      module.catch((error: unknown) => {
        const name = missingPackage(error, packages);
        if (name === undefined) throw error;
        problems.push(
          `"${option}" needs the package "${name}", which is not installed: npm install ${packages.join(' ')}`,
        );
        return { module: MissingEndpointModule };
      }),
    );
  if (health)
    load(
      'health',
      ['@nestjs/terminus'],
      import('../observability/health/streams-health.module.js').then(({ StreamsHealthModule }) =>
        StreamsHealthModule.register(health === true ? {} : health),
      ),
    );
  if (metrics)
    load(
      'metrics',
      ['@willsoto/nestjs-prometheus', 'prom-client'],
      import('../observability/prometheus/streams-prometheus.module.js').then(({ StreamsPrometheusModule }) =>
        StreamsPrometheusModule.register(metrics === true ? {} : metrics),
      ),
    );
  return modules;
}

/** Stands in for a module whose package is missing until the host reports it. */
class MissingEndpointModule {}

/** Returns the one of `packages` whose absence `error` reports. */
export function missingPackage(error: unknown, packages: readonly string[]): string | undefined {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return undefined;
  return packages.find((name) => String(message).includes(`'${name}'`));
}
