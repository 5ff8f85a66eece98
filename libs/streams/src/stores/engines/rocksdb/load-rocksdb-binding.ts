import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { EngineUnavailableError } from '../../../errors/engine-unavailable-error.js';
import { leveldownBinding, type LeveldownModule } from './leveldown-binding.js';
import { nativeBinding, type NativeModule } from './native-binding.js';
import type { RocksDbBinding, RocksDbBindingName } from './rocksdb-binding.js';

/** What `npm install` takes for each package: the versions that the adapters are written for. */
const PACKAGES: Readonly<Record<RocksDbBindingName, string>> = {
  rocksdb: 'rocksdb@5.2.1 --ignore-scripts',
  'rocksdb-native': 'rocksdb-native@3.18.1',
};

/** Says which package is missing for `choice`, without loading it; undefined if none is. */
export function missingRocksDbPackage(choice: 'auto' | RocksDbBindingName = 'auto'): string | undefined {
  if (choice === 'auto' && isNode20() && isInstalled('rocksdb')) return undefined;
  const name = choice === 'auto' ? 'rocksdb-native' : choice;
  return isInstalled(name) ? undefined : notInstalled(name);
}

/**
 * Loads a binding: `auto` takes `rocksdb` on Node 20 where it is installed, and `rocksdb-native` otherwise. `rocksdb` aborts the whole process
 * on newer Nodes unless it was built from source, so there it is tried in a child process first.
 * @throws EngineUnavailableError
 */
export async function loadRocksDbBinding(choice: 'auto' | RocksDbBindingName = 'auto'): Promise<RocksDbBinding> {
  if (choice === 'rocksdb') return loadLeveldown();
  if (choice === 'auto' && isNode20() && isInstalled('rocksdb')) {
    try {
      return leveldownBinding(load<LeveldownModule>('rocksdb'));
    } catch {
      // No binary for this platform: the other binding may have one.
    }
  }
  return nativeBinding(load<NativeModule>('rocksdb-native'));
}

async function loadLeveldown(): Promise<RocksDbBinding> {
  if (!isNode20() && isInstalled('rocksdb')) {
    const outcome = await loadInChild('rocksdb');
    if (outcome !== undefined) {
      throw new EngineUnavailableError(
        'rocksdb',
        `The package "rocksdb" cannot be loaded on Node ${process.versions.node}: ${outcome}. ` +
          `Use the binding "rocksdb-native" (or "auto"), Node 20, or build it here with \`npm rebuild rocksdb --build-from-source\`.`,
      );
    }
  }
  return leveldownBinding(load<LeveldownModule>('rocksdb'));
}

function isNode20(): boolean {
  return process.versions.node.startsWith('20.');
}

const require = createRequire(import.meta.url);

function isInstalled(name: RocksDbBindingName): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

function load<T>(name: RocksDbBindingName): T {
  try {
    return require(name) as T;
  } catch (cause) {
    throw new EngineUnavailableError(
      'rocksdb',
      !isInstalled(name)
        ? notInstalled(name)
        : `The package "${name}" does not load on Node ${process.versions.node} (${process.platform} ${process.arch}): ` +
            `${cause instanceof Error ? cause.message : String(cause)}. Choose the other binding, or the engine "memory".` +
            (String(cause).includes('libatomic') ? ' On Debian and Ubuntu: apt-get install libatomic1.' : ''),
      { cause },
    );
  }
}

function notInstalled(name: RocksDbBindingName): string {
  return (
    `The engine "rocksdb" needs the package "${name}", which is not installed: npm install ${PACKAGES[name]}. ` +
    `Stores that do not need it name another engine, such as "memory"; "embedded.directory" needs it too.`
  );
}

/** Undefined if the module loads; otherwise how the child ended. */
function loadInChild(name: RocksDbBindingName): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['-e', `require(${JSON.stringify(require.resolve(name))})`], {
      stdio: 'ignore',
    });
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : `loading it ends the process with ${signal ?? `code ${code}`}`),
    );
  });
}
