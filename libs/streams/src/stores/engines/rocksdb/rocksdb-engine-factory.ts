import { ConfigurationError } from '../../../errors/configuration-error.js';
import { EngineUnavailableError } from '../../../errors/engine-unavailable-error.js';
import type { StoreEngine, StoreEngineContext, StoreEngineFactory } from '../../store-engine.js';
import { loadRocksDbBinding } from './load-rocksdb-binding.js';
import type { RocksDbBinding, RocksDbBindingName, RocksDbTuning } from './rocksdb-binding.js';
import { RocksDbEngine } from './rocksdb-engine.js';

/** Options of the engine `rocksdb`, for each store partition. What is absent is a share of `memory.maxBytes`, or the binding's default. */
export interface RocksDbOptions extends RocksDbTuning {
  /** Which package carries RocksDB. Default `auto`: `rocksdb` on Node 20 where it is installed, else `rocksdb-native`. */
  readonly binding?: RocksDbBindingName | 'auto';
}

const KIBIBYTE = 1024;
const MIN_BYTES = 64 * KIBIBYTE;
/** A larger memtable is a longer way through it for each entry and more memory, and a smaller one is written out more often (benches `process`, `query` and `restore`). */
const MAX_WRITE_BUFFER_BYTES = 16 * KIBIBYTE * KIBIBYTE;
/** RocksDB fills one memtable while it writes the other out. */
const MEMTABLES = 2;

/** The engine `rocksdb`: local files, incremental restore. */
export function rocksDbEngine(options: RocksDbOptions = {}): StoreEngineFactory {
  return new RocksDbEngineFactory(options);
}

class RocksDbEngineFactory implements StoreEngineFactory {
  readonly name = 'rocksdb';
  readonly isPersistent = true;
  private binding: RocksDbBinding | undefined;

  constructor(private readonly options: RocksDbOptions) {}

  async prepare(): Promise<void> {
    const { binding: choice = 'auto', ...tuning } = this.options;
    const binding = await loadRocksDbBinding(choice);
    const other = binding.name === 'rocksdb' ? 'rocksdb-native' : 'rocksdb';
    const refused = (Object.keys(tuning) as (keyof RocksDbTuning)[]).filter(
      (name) => tuning[name] !== undefined && !binding.honours.has(name),
    );
    if (refused.length > 0) {
      throw new ConfigurationError(
        refused.map(
          (name) =>
            `"rocksdb.${name}" cannot be set through the package "${binding.name}": leave it out, or use binding '${other}' if that one has it.`,
        ),
      );
    }
    const { blockCacheSizes } = binding;
    const { blockCacheBytes } = tuning;
    if (blockCacheBytes !== undefined && blockCacheSizes?.includes(blockCacheBytes) === false) {
      throw new ConfigurationError([
        `"rocksdb.blockCacheBytes" is ${blockCacheBytes}, and the package "${binding.name}" has block caches of ${blockCacheSizes.join(' or ')} bytes only: use one of them, or binding '${other}', which has any.`,
      ]);
    }
    this.binding = binding;
  }

  create(context: StoreEngineContext): StoreEngine {
    const { binding } = this;
    if (binding === undefined)
      throw new EngineUnavailableError('rocksdb', 'The engine "rocksdb" was used before its prepare() had settled.');
    const { binding: _, ...tuning } = this.options;
    const half = Math.max(MIN_BYTES, Math.floor(context.memoryMaxBytes / 2));
    const writeBufferBytes = Math.min(MAX_WRITE_BUFFER_BYTES, Math.max(MIN_BYTES, Math.floor(half / MEMTABLES)));
    const blockCacheBytes = binding.blockCacheSizes?.findLast((bytes) => bytes <= half) ?? half;
    return new RocksDbEngine(binding, context, {
      ...tuning,
      blockCacheBytes: tuning.blockCacheBytes ?? blockCacheBytes,
      writeBufferBytes: tuning.writeBufferBytes ?? writeBufferBytes,
    });
  }
}
