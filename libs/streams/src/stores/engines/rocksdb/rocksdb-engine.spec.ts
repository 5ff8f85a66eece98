import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { describeStoreEngineConformance } from '../../store-engine.conformance.js';
import type { StoreEngine } from '../../store-engine.js';
import type { RocksDbDatabase } from './rocksdb-binding.js';
import { rocksDbEngine } from './rocksdb-engine-factory.js';

const bindings = process.versions.node.startsWith('20.')
  ? (['rocksdb', 'rocksdb-native'] as const)
  : (['rocksdb-native'] as const);
const folders: string[] = [];
const engines: StoreEngine[] = [];

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'streams-store-'));
  folders.push(made);
  return made;
}

async function engineIn(directory: string, binding: (typeof bindings)[number]): Promise<StoreEngine> {
  const factory = rocksDbEngine({ binding });
  await factory.prepare();
  const engine = factory.create({ storeName: 'balances', taskId: '0_0', directory, memoryMaxBytes: 1 << 20 });
  engines.push(engine);
  return engine;
}

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  for (const directory of folders.splice(0)) await rm(directory, { recursive: true, force: true });
});

for (const binding of bindings) {
  describeStoreEngineConformance(`rocksdb through ${binding}`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'streams-store-'));
    return {
      isPersistent: true,
      create: () => engineIn(directory, binding),
      reopen: () => engineIn(directory, binding),
      cleanUp: () => rm(directory, { recursive: true, force: true }),
    };
  });

  describe(`rocksdb through ${binding}`, () => {
    const entry = { keys: [Buffer.from('a')], values: [Buffer.from('1')] };

    it('scans large entries in steps of few, and each of them once', async () => {
      const engine = await engineIn(await folder(), binding);
      await engine.open();
      const keys = Array.from({ length: 200 }, (_, n) => Buffer.from(`k-${String(n).padStart(3, '0')}`));
      const value = Buffer.alloc(200_000, 1);
      for (let n = 0; n < 200; n += 20) {
        const batch = keys.slice(n, n + 20);
        await engine.write({ keys: batch, values: batch.map(() => value) }, n + 20);
      }
      const cursor = engine.openCursor({}, { reverse: false });
      const found: string[] = [];
      let { keys: step, values } = await cursor.next(1024, 256 * 1024);
      for (; step.length > 0; { keys: step, values } = await cursor.next(1024, 256 * 1024)) {
        expect(values.length).toBeLessThanOrEqual(2);
        found.push(...step.map(String));
      }
      await cursor.close();
      expect(found).toEqual(keys.map(String));
    });

    it('refuses a folder that is open already, naming it', async () => {
      const directory = await folder();
      await (await engineIn(directory, binding)).open();
      const second = await engineIn(directory, binding);
      await expect(second.open()).rejects.toMatchObject({ code: 'STREAMS_STORE_LOCKED', directory });
    });

    it('reports damaged files as a corrupted store, and opens anew once they are destroyed', async () => {
      const directory = await folder();
      const engine = await engineIn(directory, binding);
      await engine.open();
      await engine.write(entry, 1);
      await engine.close();
      for (const file of await readdir(directory))
        if (file.startsWith('MANIFEST')) await truncate(join(directory, file), 10);
      const damaged = await engineIn(directory, binding);
      await expect(damaged.open()).rejects.toMatchObject({ code: 'STREAMS_STORE_CORRUPTED' });
      await damaged.destroy();
      expect(await (await engineIn(directory, binding)).open()).toBeUndefined();
    });

    it('reports a nonsense CURRENT file as a corrupted store', async () => {
      const directory = await folder();
      const engine = await engineIn(directory, binding);
      await engine.open();
      await engine.close();
      await writeFile(join(directory, 'CURRENT'), 'nonsense');
      await expect((await engineIn(directory, binding)).open()).rejects.toMatchObject({
        code: 'STREAMS_STORE_CORRUPTED',
      });
    });

    it('names options that this binding cannot honour', async () => {
      const refused = binding === 'rocksdb' ? { maxBackgroundJobs: 2 } : { compression: 'snappy' as const };
      await expect(rocksDbEngine({ binding, ...refused }).prepare()).rejects.toThrow(
        /rocksdb\.(maxBackgroundJobs|compression).*cannot be set/s,
      );
    });

    it('says that a store is closed when it is used after its end', async () => {
      const engine = await engineIn(await folder(), binding);
      await engine.open();
      await engine.close();
      await expect(engine.getMany(entry.keys)).rejects.toMatchObject({ code: 'STREAMS_STORE_CLOSED' });
    });
  });
}

describe('the block cache of rocksdb-native', () => {
  const MIB = 2 ** 20;

  it.each([
    [16 * MIB, undefined, NaN],
    [63 * MIB, undefined, NaN],
    [64 * MIB, undefined, 32 * MIB],
    [64 * MIB, 0, NaN],
    [MIB, 32 * MIB, 32 * MIB],
  ])('fits into half of the share: of %d bytes, with the option %s, it is %d', async (share, chosen, expected) => {
    const factory = rocksDbEngine({ binding: 'rocksdb-native', blockCacheBytes: chosen });
    await factory.prepare();
    const directory = await folder();
    const engine = factory.create({ storeName: 'balances', taskId: '0_0', directory, memoryMaxBytes: share });
    engines.push(engine);
    await engine.open();
    const { database } = engine as unknown as { database: RocksDbDatabase };
    expect(await database.numericProperty('rocksdb.block-cache-capacity')).toBe(expected);
  });

  it('of another size is refused with the sizes that there are', async () => {
    await expect(rocksDbEngine({ binding: 'rocksdb-native', blockCacheBytes: MIB }).prepare()).rejects.toThrow(
      `"rocksdb.blockCacheBytes" is ${MIB}, and the package "rocksdb-native" has block caches of 0 or ${32 * MIB} bytes only`,
    );
  });
});

it.runIf(bindings.length > 1)(
  'treats a folder that the other binding wrote as corrupted, so that it is restored',
  async () => {
    const directory = await folder();
    const first = await engineIn(directory, 'rocksdb-native');
    await first.open();
    await first.close();
    await expect((await engineIn(directory, 'rocksdb' as never)).open()).rejects.toMatchObject({
      code: 'STREAMS_STORE_CORRUPTED',
    });
  },
);
