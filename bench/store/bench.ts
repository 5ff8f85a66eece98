import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryEngine } from '../../libs/streams/src/stores/engines/memory/memory-engine.js';
import { loadRocksDbBinding } from '../../libs/streams/src/stores/engines/rocksdb/load-rocksdb-binding.js';
import type { RocksDbBinding } from '../../libs/streams/src/stores/engines/rocksdb/rocksdb-binding.js';
import { RocksDbEngine } from '../../libs/streams/src/stores/engines/rocksdb/rocksdb-engine.js';
import type { KeyValueStore } from '../../libs/streams/src/stores/key-value/key-value-store.js';
import type { StateStore } from '../../libs/streams/src/stores/state-store.js';
import { createStateStore } from '../../libs/streams/src/stores/state-store-factory.js';
import type { StoreEngine } from '../../libs/streams/src/stores/store-engine.js';
import { bytesSerde } from '../../libs/streams/src/serdes/binary-serdes.js';
import type { Serde } from '../../libs/streams/src/serdes/serde.js';
import { stringSerde } from '../../libs/streams/src/serdes/text-serdes.js';
import { figure, type Bench, type BenchResult, type Figure, type Progress } from '../harness/report.js';

const ENTRIES = Number(process.env.BENCH_ENTRIES ?? 200_000);
const BATCH = 2_000;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const CACHED_KEYS = 100_000;
const TUNING = { writeBufferBytes: 16 << 20 };

type Run = (samples: Samples) => Promise<void>;

/** Rates and latencies by the name of their variant, one of each a round. */
class Samples {
  private readonly all = new Map<string, { unit: string; values: number[] }>();

  add(name: string, unit: string, value: number): void {
    const entry = this.all.get(name) ?? { unit, values: [] };
    entry.values.push(value);
    this.all.set(name, entry);
  }

  async time(name: string, operations: number, work: () => Promise<void> | void): Promise<void> {
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    await work();
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    this.add(name, 'op/s', operations / seconds);
    this.add(`${name} cpu`, 'us/op', (user + system) / operations);
  }

  figures(): Record<string, Figure> {
    return Object.fromEntries(Array.from(this.all, ([name, { unit, values }]) => [name, figure(values, unit)]));
  }
}

const keyOf = (index: number): string =>
  `acc-${String((Math.imul(index, 0x9e3779b1) >>> 0) % 10_000_000).padStart(9, '0')}`;
const keys = Array.from({ length: ENTRIES }, (_, index) => keyOf(index));
const keyBytes = keys.map((key) => Buffer.from(key));
const value = Buffer.alloc(100, 'v');

function batches(each: (from: number, to: number) => Promise<void>): () => Promise<void> {
  return async () => {
    for (let from = 0; from < ENTRIES; from += BATCH) await each(from, Math.min(ENTRIES, from + BATCH));
  };
}

function storeOver(engine: StoreEngine): StateStore {
  const definition = {
    name: 'bench',
    kind: 'key-value' as const,
    key: stringSerde as Serde<unknown>,
    value: bytesSerde as Serde<unknown>,
    engine: 'bench',
    changelog: { isEnabled: false, config: {} },
    isQueryable: false,
    restorePriority: 0,
  };
  return createStateStore(definition, engine, { freezeValues: false });
}

async function inFolder(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'streams-bench-'));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The bare binding: one batch a write, one `getMany` a read, keys and values as bytes. */
function raw(binding: RocksDbBinding): Run {
  return (samples) =>
    inFolder(async (directory) => {
      const database = await binding.open(directory, TUNING);
      const write = (from: number, to: number): Promise<void> =>
        database.write(keyBytes.slice(from, to), new Array<Buffer>(to - from).fill(value));
      await samples.time(`${binding.name} put raw`, ENTRIES, batches(write));
      const read = async (from: number, to: number): Promise<void> =>
        void (await database.getMany(keyBytes.slice(from, to)));
      await samples.time(`${binding.name} getMany raw`, ENTRIES, batches(read));
      await database.close();
    });
}

/** The same through the store: typed keys, the write-back buffer, commits of the same size. */
function layered(binding: RocksDbBinding): Run {
  return (samples) =>
    inFolder(async (directory) => {
      const engine = new RocksDbEngine(
        binding,
        { storeName: 'bench', taskId: '0_0', directory, memoryMaxBytes: 32 << 20 },
        TUNING,
      );
      const store = storeOver(engine);
      await store.open();
      store.setBufferLimit(0);
      const facade = store.facade as KeyValueStore<string, Buffer>;
      const write = async (from: number, to: number): Promise<void> => {
        for (let i = from; i < to; i++) facade.put(keys[i], value);
        await store.applyCommit(await store.prepareCommit(() => {}), to);
      };
      await samples.time(`${binding.name} put store`, ENTRIES, batches(write));
      store.discard();
      store.setBufferLimit(Infinity);
      const read = async (from: number, to: number): Promise<void> => {
        await facade.getMany(keys.slice(from, to));
        store.discard();
      };
      await samples.time(`${binding.name} getMany store`, ENTRIES, batches(read));
      const single = async (): Promise<void> => {
        for (let i = 0; i < 2_000; i++) await facade.get(keys[(i * 97) % ENTRIES]);
      };
      store.discard();
      const startedAt = performance.now();
      await single();
      samples.add(`${binding.name} get`, 'ns', ((performance.now() - startedAt) * 1e6) / 2_000);
      await store.close();
    });
}

const cached: Run = async (samples) => {
  const engine = new MemoryEngine();
  const store = storeOver(engine);
  await store.open();
  const facade = store.facade as KeyValueStore<string, Buffer>;
  const map = new Map<string, Buffer>();
  for (let i = 0; i < CACHED_KEYS; i++) {
    facade.put(keyOf(i), value);
    map.set(keyOf(i), value);
  }
  await store.applyCommit(await store.prepareCommit(() => {}), 1);
  // Fresh strings in an order of their own, as they come out of records.
  const asked = Array.from({ length: 500_000 }, (_, i) => keyOf((Math.imul(i, 0x85ebca6b) >>> 0) % CACHED_KEYS));
  let found = 0;
  // The first look-ups of either would pay for bringing the keys into the processor's caches.
  for (const key of asked)
    if (map.get(key) === undefined || facade.get(key) === undefined) throw new Error(`${key} is missing`);
  // Both get strings that nobody has hashed yet.
  const [forMap, forStore] = [0, 1].map(() => asked.map((key) => Buffer.from(key).toString()));
  await samples.time('map', asked.length, () => {
    for (const key of forMap) if (map.get(key) !== undefined) found++;
  });
  await samples.time('cached', asked.length, () => {
    for (const key of forStore) if (facade.get(key) !== undefined) found++;
  });
  if (found !== asked.length * 2) throw new Error(`${found} of ${asked.length * 2} look-ups found their key`);
  store.discard();
  const startedAt = performance.now();
  for (let i = 0; i < 20_000; i++) await facade.get(keyOf(i));
  samples.add('memory get', 'ns', ((performance.now() - startedAt) * 1e6) / 20_000);
  await store.close();
};

async function bindings(): Promise<RocksDbBinding[]> {
  const choices = process.versions.node.startsWith('20.')
    ? (['rocksdb', 'rocksdb-native'] as const)
    : (['rocksdb-native'] as const);
  return Promise.all(choices.map((choice) => loadRocksDbBinding(choice)));
}

async function run(progress: Progress): Promise<BenchResult> {
  const samples = new Samples();
  const loaded = await bindings();
  for (let round = 1; round <= ROUNDS; round++) {
    progress(`round ${round} of ${ROUNDS}`);
    for (const binding of loaded) {
      await raw(binding)(samples);
      await layered(binding)(samples);
    }
    await cached(samples);
  }
  samples.add('peak rss', 'MiB', process.resourceUsage().maxRSS / 1024);
  const figures = samples.figures();
  const ratios: Record<string, number> = { 'cached/map': figures['cached'].median / figures['map'].median };
  for (const { name } of loaded) {
    ratios[`${name} put/raw`] = figures[`${name} put store`].median / figures[`${name} put raw`].median;
    ratios[`${name} getMany/raw`] = figures[`${name} getMany store`].median / figures[`${name} getMany raw`].median;
  }
  return { figures, ratios };
}

export const storeBench: Bench = { name: 'store', run };
