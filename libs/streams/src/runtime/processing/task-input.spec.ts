import { expect, it } from 'vitest';
import type { Fetched, PartitionReader } from '../../log/partition-reader.js';
import type { TopicPartition } from '../../log/log.js';
import { BatchBuilder } from '../../log/records/batch-builder.js';
import { assignBaseOffset } from '../../log/records/batch-header.js';
import { decodeRecords } from '../../log/records/record-decoder.js';
import type { Serde } from '../../serdes/serde.js';
import { stringSerde } from '../../serdes/text-serdes.js';
import type { SourceNode } from '../../topology/topology.js';
import { SourceQueue } from '../records/source-queue.js';
import type { Task } from '../task/task.js';
import { TaskInput } from './task-input.js';

const text = stringSerde as Serde<unknown>;
const source: SourceNode = { kind: 'source', name: 'in', topic: 'in', key: text, value: text };

/** A chunk of one record of about a kilobyte. */
function fetched(partition: number, offset: number): Fetched {
  const builder = new BatchBuilder(1 << 20);
  builder.append(Buffer.from('k'), Buffer.alloc(1000, 'v'), 1);
  const records = builder.finish();
  assignBaseOffset(records, 0, offset);
  const place = { topic: 'in', partition };
  const end = { highWatermark: 100, lastStableOffset: 100, logStartOffset: 0 };
  const chunk = decodeRecords({
    ...place,
    ...end,
    position: offset,
    isolation: 'read_committed',
    records,
    aborted: [],
  });
  return { partition: place, chunk };
}

/** Has always another chunk of each partition that is not paused. */
class EndlessReader {
  readonly paused = new Set<number>();
  private readonly positions = new Map<number, number>();

  async assign(places: readonly TopicPartition[]): Promise<void> {
    for (const { partition } of places) this.positions.set(partition, 0);
  }

  pause({ partition }: TopicPartition): void {
    this.paused.add(partition);
  }

  resume({ partition }: TopicPartition): void {
    this.paused.delete(partition);
  }

  take(): Fetched | undefined {
    const partition = [...this.positions.keys()].find((each) => !this.paused.has(each));
    if (partition === undefined) return undefined;
    const offset = this.positions.get(partition)!;
    // The others come first next time.
    this.positions.delete(partition);
    this.positions.set(partition, offset + 1);
    return fetched(partition, offset);
  }
}

it('holds two chunks of each partition, and one of each where that is more than memory is granted for', async () => {
  const chunkBytes = fetched(0, 0).chunk!.heldBytes;
  for (const [granted, expected] of [
    [100, [2, 2, 2, 2]],
    [5, [2, 2, 1, 1]],
    [0, [1, 1, 1, 1]],
  ] as const) {
    const queues = Array.from({ length: 4 }, (_, partition) => new SourceQueue(source, partition, [], [], undefined));
    for (const queue of queues) queue.reset(0);
    const reader = new EndlessReader();
    const input = new TaskInput(reader as unknown as PartitionReader, granted * chunkBytes, () => undefined);
    await input.add({ records: { queues } } as unknown as Task);
    const held = (): number[] => queues.map(({ bytes }) => bytes / chunkBytes);
    for (let round = 0; round < 3; round++) {
      await input.fill(() => undefined);
      expect(held()).toEqual(expected);
    }
    for (const queue of queues) while (!queue.isEmpty) queue.advance();
    expect(held()).toEqual([0, 0, 0, 0]);
    await input.fill(() => undefined);
    expect(held().reduce((sum, each) => sum + each)).toBe(expected.reduce((sum: number, each) => sum + each, 0));
  }
});
