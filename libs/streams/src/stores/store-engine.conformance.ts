import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { KeyBounds, StoreEngine } from './store-engine.js';

/** Where a conformance run gets its engines from. `create` with the same folder must find what an engine there has written. */
export interface EngineUnderTest {
  readonly isPersistent: boolean;
  create(): Promise<StoreEngine>;
  /** The same place again, after the first engine was closed. */
  reopen(): Promise<StoreEngine>;
  cleanUp(): Promise<void>;
}

type Entry = readonly [string, string];

const key = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 3, max: 3 }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }) },
);
const value = fc.option(fc.uint8Array({ maxLength: 20 }), { freq: 4 });
const batch = fc.array(fc.tuple(key, value), { maxLength: 8 });

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

async function scan(engine: StoreEngine, bounds: KeyBounds, reverse: boolean, step: number): Promise<Entry[]> {
  const cursor = engine.openCursor(bounds, { reverse });
  const entries: Entry[] = [];
  for (;;) {
    const { keys, values } = await cursor.next(step);
    if (keys.length === 0) break;
    for (let i = 0; i < keys.length; i++) entries.push([hex(keys[i]), hex(values[i])]);
  }
  await cursor.close();
  return entries;
}

function expected(model: ReadonlyMap<string, string>, { gte, lt }: KeyBounds, reverse: boolean): Entry[] {
  const within = [...model].filter(([name]) => (!gte || name >= hex(gte)) && (!lt || name < hex(lt)));
  within.sort(([a], [b]) => (a < b ? -1 : 1));
  return reverse ? within.reverse() : within;
}

/** What every `StoreEngine` has to do, for its author: call it inside a vitest file. */
export function describeStoreEngineConformance(name: string, setUp: () => Promise<EngineUnderTest>): void {
  describe(`store engine ${name}`, () => {
    const opened: { engine?: StoreEngine; place: EngineUnderTest }[] = [];

    const place = async (): Promise<EngineUnderTest> => {
      const created = await setUp();
      opened.push({ place: created });
      return created;
    };
    const engineAt = async (from: EngineUnderTest, again = false): Promise<StoreEngine> => {
      const engine = again ? await from.reopen() : await from.create();
      opened.push({ engine, place: from });
      return engine;
    };

    afterEach(async () => {
      for (const { engine } of opened) await engine?.close();
      for (const each of opened.splice(0)) if (!each.engine) await each.place.cleanUp();
    });

    const text = (...words: string[]): Uint8Array[] => words.map((word) => Buffer.from(word));
    const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

    it('answers a new store with no position and no entries', async () => {
      const engine = await engineAt(await place());
      expect(await engine.open()).toBeUndefined();
      expect(await engine.getMany(text('a', ''))).toEqual([undefined, undefined]);
      expect(await scan(engine, {}, false, 10)).toEqual([]);
      expect(await engine.approximateEntries()).toBe(0);
    });

    it('lets the later entry of a key win within a batch, and applies overlapping batches in call order', async () => {
      const engine = await engineAt(await place());
      await engine.open();
      const first = engine.write({ keys: text('a', 'a', 'b'), values: [...text('1', '2'), null] }, 3);
      const second = engine.write({ keys: text('a', 'b'), values: text('3', '4') }, 5);
      const third = engine.write({ keys: text('b'), values: [null] }, 6);
      await Promise.all([third, second, first]);
      expect((await engine.getMany(text('a', 'b'))).map((bytes) => bytes && Buffer.from(bytes).toString())).toEqual([
        '3',
        undefined,
      ]);
    });

    it('keeps the call order of batches that are built with breaks, and the position of the last', async () => {
      const where = await place();
      const engine = await engineAt(where);
      await engine.open();
      const keys = Array.from({ length: 2000 }, (_, index) => Buffer.from(`k-${index}`));
      const slow = engine.write({ keys, values: keys.map(() => Buffer.from('slow')) }, 3, nextTurn);
      const quick = engine.write({ keys: keys.slice(-1), values: text('quick') }, 5);
      // Waits for both, also for what is still being built.
      const closed = engine.close();
      await Promise.all([quick, slow, closed]);
      const again = await engineAt(where, true);
      expect(await again.open()).toBe(where.isPersistent ? 5 : undefined);
      if (!where.isPersistent) return;
      expect((await again.getMany([keys[0], keys[1999]])).map(String)).toEqual(['slow', 'quick']);
      expect((await again.getMany([keys[1998]])).map(String)).toEqual(['slow']);
      expect(await again.getMany(text('absent'))).toEqual([undefined]);
    });

    it('says at which position it is: before, beside and behind a write', async () => {
      const engine = await engineAt(await place());
      await engine.open();
      expect(await engine.position()).toBeUndefined();
      await engine.write({ keys: text('a'), values: text('1') }, 3);
      expect(await engine.position()).toBe(3);
      const keys = Array.from({ length: 2000 }, (_, index) => Buffer.from(`k-${index}`));
      let isWritten = false;
      const written = engine.write({ keys, values: keys }, 9).then(() => (isWritten = true));
      do {
        // What a cursor shows that is open already, is at this position if it has not moved meanwhile.
        const before = await engine.position();
        const entries = scan(engine, {}, false, 4000);
        if ((await engine.position()) === before) expect(await entries).toHaveLength(before === 3 ? 1 : 2001);
        await entries;
        await nextTurn();
      } while (!isWritten);
      await written;
      expect(await engine.position()).toBe(9);
    });

    it('shows a cursor the entries of the moment it was opened', async () => {
      const engine = await engineAt(await place());
      await engine.open();
      await engine.write({ keys: text('a', 'b', 'c'), values: text('1', '2', '3') }, 3);
      const cursor = engine.openCursor({}, { reverse: false });
      await engine.write({ keys: text('a', 'b', 'bb'), values: [null, ...text('9', '9')] }, 6);
      const { keys, values } = await cursor.next(10);
      await cursor.close();
      await cursor.close();
      expect(keys.map(String)).toEqual(text('a', 'b', 'c').map(String));
      expect(values.map(String)).toEqual(text('1', '2', '3').map(String));
    });

    it('ends a step of a cursor with the entry that brings it to the bytes asked for', async () => {
      const engine = await engineAt(await place());
      await engine.open();
      const sizes = [10, 10, 5000, 10, 10, 300, 300, 300, 10, 9000, 9000, 10];
      const keys = sizes.map((_, index) => Buffer.from(`k-${String(index).padStart(2, '0')}`));
      await engine.write({ keys, values: sizes.map((size) => Buffer.alloc(size, 1)) }, 3);
      const steps = async (reverse: boolean): Promise<number[][]> => {
        const cursor = engine.openCursor({}, { reverse });
        const found: number[][] = [];
        for (;;) {
          const { values } = await cursor.next(4, 600);
          if (values.length === 0) break;
          found.push(values.map(({ length }) => length));
        }
        await cursor.close();
        return found;
      };
      expect(await steps(false)).toEqual([[10, 10, 5000], [10, 10, 300, 300], [300, 10, 9000], [9000], [10]]);
      expect(await steps(true)).toEqual([[10, 9000], [9000], [10, 300, 300], [300, 10, 10, 5000], [10, 10]]);
    });

    it('gives every key to a cursor that reads no values', async () => {
      const engine = await engineAt(await place());
      await engine.open();
      const keys = Array.from({ length: 1500 }, (_, index) => Buffer.from(`k-${String(index).padStart(4, '0')}`));
      await engine.write({ keys, values: keys.map((_, n) => Buffer.alloc(n % 5 === 0 ? 2000 : 1)) }, 3);
      const cursor = engine.openCursor({ gte: keys[1] }, { reverse: true, keysOnly: true });
      const found: string[] = [];
      for (let step = await cursor.next(400, 9000); step.keys.length > 0; step = await cursor.next(400, 9000))
        found.push(...step.keys.map(String));
      await cursor.close();
      expect(found).toEqual(keys.slice(1).map(String).reverse());
    });

    it('keeps nothing that its caller may change', async () => {
      const engine = await engineAt(await place());
      await engine.open();
      const chunk = Buffer.from('key-value');
      await engine.write({ keys: [chunk.subarray(0, 3)], values: [chunk.subarray(4)] }, 1);
      chunk.fill(0);
      const [read] = await engine.getMany(text('key'));
      expect(String(Buffer.from(read ?? []))).toBe('value');
      read?.fill(0);
      expect(String(Buffer.from((await engine.getMany(text('key')))[0] ?? []))).toBe('value');
    });

    it('is empty and without a position after it was destroyed', async () => {
      const where = await place();
      const engine = await engineAt(where);
      await engine.open();
      await engine.write({ keys: text('a'), values: text('1') }, 1);
      await engine.destroy();
      await engine.destroy();
      const again = await engineAt(where, true);
      expect(await again.open()).toBeUndefined();
      expect(await again.getMany(text('a'))).toEqual([undefined]);
    });

    it('agrees with a Map over any batches, scans and reopenings', async () => {
      const step = fc.oneof(
        { weight: 5, arbitrary: batch.map((entries) => ({ entries })) },
        {
          weight: 3,
          arbitrary: fc.record({
            from: fc.option(key),
            to: fc.option(key),
            reverse: fc.boolean(),
            limit: fc.integer({ min: 1, max: 5 }),
          }),
        },
        { weight: 1, arbitrary: fc.constant({ reopen: true }) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          const where = await place();
          let engine = await engineAt(where);
          await engine.open();
          let model = new Map<string, string>();
          let position: number | undefined;
          for (const each of steps) {
            if ('entries' in each) {
              position = (position ?? 0) + each.entries.length;
              await engine.write(
                { keys: each.entries.map(([k]) => k), values: each.entries.map(([, v]) => v) },
                position,
              );
              for (const [k, v] of each.entries) {
                if (v === null) model.delete(hex(k));
                else model.set(hex(k), hex(v));
              }
              const keys = each.entries.map(([k]) => k);
              const read = await engine.getMany(keys);
              expect(read.map((bytes) => bytes && hex(bytes))).toEqual(keys.map((k) => model.get(hex(k))));
            } else if ('reopen' in each) {
              await engine.close();
              engine = await engineAt(where, true);
              if (!where.isPersistent) {
                model = new Map();
                position = undefined;
              }
              expect(await engine.open()).toBe(position);
            } else {
              const bounds = { ...(each.from ? { gte: each.from } : {}), ...(each.to ? { lt: each.to } : {}) };
              expect(await scan(engine, bounds, each.reverse, each.limit)).toEqual(
                expected(model, bounds, each.reverse),
              );
            }
          }
          await engine.close();
        }),
        { numRuns: 25 },
      );
    });
  });
}
