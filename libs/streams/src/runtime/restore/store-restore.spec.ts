import { expect, it } from 'vitest';
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

/** The records `from` to `to - 1` of a changelog, each with its offset as value, and as key where none is given. */
function chunk(from: number, to: number, key?: string): RecordChunk {
  const builder = new BatchBuilder(1 << 20);
  for (let offset = from; offset < to; offset++)
    builder.append(Buffer.from(key ?? `${offset}`), Buffer.from(`${offset}`), 1);
  const records = builder.finish();
  assignBaseOffset(records, 0, from);
  return decodeRecords({
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
  await restore.apply(chunk(0, 4, 'k'));
  await restore.settle();
  expect(await facade.get('k')).toBe(3);
  await restore.apply(chunk(4, 8, 'k'));
  await restore.finish();
  expect(await facade.get('k')).toBe(7);
});
