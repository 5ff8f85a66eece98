import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { PartitionReaderClient } from '../../log/client/partition-reader-client.js';
import { EndlessBrokers } from '../../log/client/testing/endless-brokers.js';
import { COLUMN_BYTES } from '../../log/records/record-chunk.js';
import type { Serde } from '../../serdes/serde.js';
import { stringSerde } from '../../serdes/text-serdes.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { SourceQueue } from '../records/source-queue.js';
import type { Task } from '../task/task.js';
import { TaskInput } from './task-input.js';

const KIB = 1024;
const PARTITIONS = 16;
const CHUNK_BYTES = 16 * KIB;
const SHARE_BYTES = 128 * KIB;
const VALUE_BYTES = 4 * KIB;
const text = stringSerde as Serde<unknown>;

it.each([
  ['none', 1],
  ['none', 3],
  ['gzip', 1],
  ['lz4', 3],
] as const)(
  'the reader and the queues together hold the two shares and two chunks of each partition (%s, %d leaders)',
  async (compression, leaders) => {
    const brokers = new EndlessBrokers({ leaders, compression, valueBytes: VALUE_BYTES });
    const bounds = { partitionMaxBytes: CHUNK_BYTES, prefetchMaxBytes: SHARE_BYTES };
    const role = { role: 'source', isolation: 'read_committed' } as const;
    const reader = new PartitionReaderClient(brokers.openWire(), { ...role, ...bounds }, new ManualClock());
    const queues = Array.from({ length: PARTITIONS }, (_, partition) => {
      const queue = new SourceQueue(
        { kind: 'source', name: 'in', topic: 'in', key: text, value: text },
        partition,
        [],
        [],
        undefined,
      );
      queue.reset(0);
      return queue;
    });
    const input = new TaskInput(reader, SHARE_BYTES, () => undefined);
    await input.add({ records: { queues } } as unknown as Task);
    // A chunk ends with the batch that brings it to its size.
    const chunkBytes = CHUNK_BYTES + VALUE_BYTES + 5 * COLUMN_BYTES + KIB;
    let mostBytes = 0;
    let takenBytes = 0;
    const take = reader.take.bind(reader);
    reader.take = () => {
      const fetched = take();
      // Each record is alone in its batch.
      takenBytes += (fetched?.chunk?.count ?? 0) * brokers.batchBytes;
      return fetched;
    };
    for (let round = 0; round < 400; round++) {
      await input.fill(() => undefined);
      await turn();
      const queued = queues.reduce((sum, { bytes }) => sum + bytes, 0);
      const inReader = brokers.sentBytes + brokers.askedBytes - takenBytes;
      mostBytes = Math.max(mostBytes, queued);
      expect(queued).toBeLessThanOrEqual(SHARE_BYTES + PARTITIONS * chunkBytes);
      expect(inReader).toBeLessThanOrEqual(SHARE_BYTES + PARTITIONS * chunkBytes);
      // Slow tasks: one record of one partition of four in a round, and none of the others.
      const queue = queues[(round * 4) % PARTITIONS]!;
      if (!queue.isEmpty) queue.advance();
    }
    expect(mostBytes).toBeGreaterThan(SHARE_BYTES);
    // The last record of a queue may just have been handled.
    await input.fill(() => undefined);
    expect(queues.every(({ isEmpty }) => !isEmpty)).toBe(true);
    await reader.close();
  },
);
