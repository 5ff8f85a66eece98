import * as fc from 'fast-check';
import { mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StoreCorruptedError } from '../../../errors/store-corrupted-error.js';
import type { StoreEngine } from '../../store-engine.js';
import { rocksDbEngine } from './rocksdb-engine-factory.js';

const BINDINGS = process.versions.node.startsWith('20.')
  ? (['rocksdb', 'rocksdb-native'] as const)
  : (['rocksdb-native'] as const);
const KEYS = Array.from({ length: 300 }, (_, n) => `k${n}`);

type Content = ReadonlyMap<string, string>;

const damages = {
  flip: (bytes: Buffer, at: number) => bytes.map((byte, index) => (index === at ? byte ^ 16 : byte)),
  truncate: (bytes: Buffer, at: number) => bytes.subarray(0, at),
  zero: (bytes: Buffer, at: number) => Buffer.from(bytes).fill(0, at),
  'cut a hole into': (bytes: Buffer, at: number) => Buffer.from(bytes).fill(0, at, Math.min(bytes.length, at + 100)),
  delete: () => undefined,
} as const;

/** Write batches as lists of key numbers; an odd batch deletes every third. */
const batches = fc.array(fc.array(fc.nat(KEYS.length - 1), { minLength: 1, maxLength: 120 }), {
  minLength: 1,
  maxLength: 8,
});

const disaster = fc.record({
  /** One list for each time the store is open. */
  runs: fc.array(batches, { minLength: 1, maxLength: 3 }),
  kind: fc.constantFrom(...(Object.keys(damages) as (keyof typeof damages)[])),
  file: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  reverse: fc.boolean(),
});

describe.each(BINDINGS)('a store with sound files (%s)', (binding) => {
  it('opens with all it holds, wherever its writes are parted between the blocks of its log', async () => {
    const factory = rocksDbEngine({ binding });
    await factory.prepare();
    for (let size = 60; size < 260; size += 7) {
      const directory = mkdtempSync(join(tmpdir(), 'streams-sound-'));
      const create = (): StoreEngine =>
        factory.create({ storeName: 'store', taskId: '0_0', directory, memoryMaxBytes: 1 << 20 });
      const engine = create();
      await engine.open();
      const writes = 700;
      for (let position = 1; position <= writes; position++)
        await engine.write({ keys: [Buffer.from('key')], values: [Buffer.alloc(size + (position % 5), 1)] }, position);
      await engine.close();
      const again = create();
      expect(await again.open()).toBe(writes);
      await again.close();
      rmSync(directory, { recursive: true });
    }
  }, 60_000);
});

describe.each(BINDINGS)('a store with a damaged file (%s)', (binding) => {
  it('is as it was at its position, or says that it is corrupted', async () => {
    const factory = rocksDbEngine({ binding });
    await factory.prepare();
    await fc.assert(
      fc.asyncProperty(disaster, async ({ runs, kind, file, place, reverse }) => {
        const directory = mkdtempSync(join(tmpdir(), 'streams-damage-'));
        const engine = (): StoreEngine =>
          factory.create({ storeName: 'store', taskId: '0_0', directory, memoryMaxBytes: 1 << 20 });
        try {
          const history = await fill(engine, runs);
          const files = readdirSync(directory).filter((name) => !/^LO(G|CK)|IDENTITY/.test(name));
          const damaged = join(directory, files[Math.floor(file * files.length)]!);
          const bytes = readFileSync(damaged);
          const left = damages[kind](bytes, Math.floor(place * bytes.length));
          if (left === undefined) unlinkSync(damaged);
          else writeFileSync(damaged, left);
          await expectTruth(engine(), history, reverse);
        } finally {
          rmSync(directory, { recursive: true, force: true });
        }
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});

/** @returns what the store held at each position. */
async function fill(create: () => StoreEngine, runs: readonly (readonly (readonly number[])[])[]): Promise<Content[]> {
  const history: Content[] = [new Map()];
  for (const run of runs) {
    const engine = create();
    await engine.open();
    for (const numbers of run) {
      const position = history.length;
      const content = new Map(history.at(-1));
      const keys = numbers.map((number) => KEYS[number]!);
      const values = numbers.map((number, index) =>
        position % 2 === 1 && index % 3 === 0 ? null : `${position} ${'x'.repeat(number)}`,
      );
      keys.forEach((key, index) => {
        const value = values[index]!;
        if (value === null) content.delete(key);
        else content.set(key, value);
      });
      await engine.write(
        {
          keys: keys.map((key) => Buffer.from(key)),
          values: values.map((value) => (value === null ? null : Buffer.from(value))),
        },
        position,
      );
      history.push(content);
    }
    await engine.close();
  }
  return history;
}

async function expectTruth(engine: StoreEngine, history: readonly Content[], reverse: boolean): Promise<void> {
  try {
    const expected = history[(await engine.open()) ?? 0]!;
    const found = new Map<string, string>();
    const cursor = engine.openCursor({}, { reverse });
    for (let entries = await cursor.next(100); entries.keys.length > 0; entries = await cursor.next(100))
      entries.keys.forEach((key, index) => found.set(text(key), text(entries.values[index]!)));
    await cursor.close();
    expect(new Map([...found].toSorted())).toEqual(new Map([...expected].toSorted()));
    const values = await engine.getMany(KEYS.map((key) => Buffer.from(key)));
    expect(values.map((value) => value && text(value))).toEqual(KEYS.map((key) => expected.get(key)));
  } catch (error) {
    if (!(error instanceof StoreCorruptedError)) throw error;
  } finally {
    await engine.close();
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
