import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { BatchBuilder } from '../../log/records/batch-builder.js';
import { assignBaseOffset } from '../../log/records/batch-header.js';
import type { RecordChunk } from '../../log/records/record-chunk.js';
import { decodeRecords } from '../../log/records/record-decoder.js';
import type { Serde } from '../../serdes/serde.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { MemoryEngine } from '../../stores/engines/memory/memory-engine.js';
import type { KeyValueStore } from '../../stores/key-value/key-value-store.js';
import { createStateStore } from '../../stores/state-store-factory.js';
import type { StoreWrites } from '../../stores/store-engine.js';
import { StoreRestore } from './store-restore.js';

/** The records `from` to `to - 1` of a changelog, each with its offset as value, and as key where none is given; markers follow up to `nextOffset`. */
function chunk(from: number, to: number, nextOffset = to, key?: string): RecordChunk {
  const builder = new BatchBuilder(1 << 20);
  for (let offset = from; offset < to; offset++)
    builder.append(Buffer.from(key ?? `${offset}`), Buffer.from(`${offset}`), 1);
  const records = to > from ? builder.finish() : Buffer.alloc(0);
  if (to > from) assignBaseOffset(records, 0, from);
  const decoded = decodeRecords({
    topic: 'changelog',
    partition: 0,
    position: from,
    isolation: 'read_committed',
    records,
    aborted: [],
    highWatermark: to,
    lastStableOffset: to,
    logStartOffset: 0,
  });
  return Object.assign(decoded, { bounds: { ...decoded.bounds, nextOffset } });
}

it('takes no record a second time, wherever a late answer of the reader begins', async () => {
  const written: string[] = [];
  const store = {
    discard: () => undefined,
    restore: ({ keys }: StoreWrites, position: number) => {
      written.push(`${keys.map(String).join(' ')} | ${position}`);
      return Promise.resolve();
    },
  };
  const restore = new StoreRestore({} as never, { store } as never, 0, 10, new ManualClock());
  await restore.apply(chunk(0, 4));
  await restore.apply(chunk(0, 3));
  await restore.apply(chunk(2, 6));
  expect(written).toEqual(['0 1 2 3 | 4', '4 5 | 6']);
  expect(restore.position).toBe(6);
  expect(restore.restoredRecords).toBe(6);
});

it('says in whole milliseconds how long it will take', async () => {
  const clock = new ManualClock();
  const store = { discard: () => undefined, restore: () => Promise.resolve() };
  const of = { store, definition: { name: 'balances' } };
  const restore = new StoreRestore({ id: '0_0' } as never, of as never, 0, 10, clock);
  await clock.advance(100);
  await restore.apply(chunk(0, 3));
  // 7 records at 3 in 100 ms.
  expect(restore.progress().etaMs).toBe(234);
});

describe('what can be read of a store on its way', () => {
  /** Writes that end well, or not, when they are told to. */
  function slowly(): {
    readonly restore: StoreRestore;
    readonly ends: { resolve: () => void; reject: (error: Error) => void }[];
  } {
    const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
    const store = {
      discard: () => undefined,
      restore: () => new Promise<void>((resolve, reject) => ends.push({ resolve, reject })),
    };
    return { restore: new StoreRestore({} as never, { store } as never, 0, Infinity, new ManualClock()), ends };
  }

  it('is what was written to its end, not what was handed over', async () => {
    const { restore, ends } = slowly();
    await restore.apply(chunk(0, 2500));
    await restore.apply(chunk(2500, 2510));
    expect(restore).toMatchObject({ position: 2510, applied: 0 });
    for (const applied of [2000, 2500, 2510]) {
      ends.shift()!.resolve();
      await Promise.resolve();
      expect(restore.applied).toBe(applied);
    }
  });

  it('reaches over markers once nothing before them is on its way', async () => {
    const { restore, ends } = slowly();
    await restore.apply(chunk(0, 0, 3));
    expect(restore.applied).toBe(3);
    await restore.apply(chunk(3, 5));
    await restore.apply(chunk(5, 5, 7));
    expect(restore).toMatchObject({ position: 7, applied: 3 });
    ends.shift()!.resolve();
    await restore.settle();
    expect(restore.applied).toBe(7);
  });

  it('never gets past a write that failed', async () => {
    const { restore, ends } = slowly();
    await restore.apply(chunk(0, 5));
    ends.shift()!.reject(new Error('The disk is full.'));
    await expect(restore.settle()).rejects.toThrow('The disk is full.');
    await restore.apply(chunk(5, 5, 6));
    expect(restore.applied).toBe(0);
  });
});

it('leaves no value behind that somebody read half-way', async () => {
  const store = createStateStore(
    {
      name: 'balances',
      kind: 'key-value',
      key: stringSerde as Serde<unknown>,
      value: json<unknown>(),
      engine: 'memory',
      changelog: { isEnabled: true, config: {} },
      isQueryable: false,
      restorePriority: 0,
    },
    new MemoryEngine(),
    { freezeValues: true },
  );
  await store.open();
  store.setBufferLimit(1024);
  const facade = store.facade as KeyValueStore<string, number>;
  const restore = new StoreRestore({} as never, { store } as never, 0, 8, new ManualClock());
  await restore.apply(chunk(0, 4, 4, 'k'));
  await restore.settle();
  expect(await facade.get('k')).toBe(3);
  await restore.apply(chunk(4, 8, 8, 'k'));
  await restore.finish();
  expect(await facade.get('k')).toBe(7);
});
