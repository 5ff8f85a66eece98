import type { GroupOffsets, OffsetRecord } from '../groups/group-offsets.js';
import { storedBatch } from '../partition/stored-batch.js';
import type { LogBounds, PartitionLog } from '../partition/partition-log.js';
import type { TopicRecord, TopicRegistry } from '../topics/topic-registry.js';
import type { ProducerIds } from '../transactions/producer-ids.js';
import type { TransactionCoordinator } from '../transactions/transaction-coordinator.js';
import type { TransactionRecord } from '../transactions/transaction.js';
import { decodeBatchValue } from './journal.js';
import type { LogStorage } from './log-storage.js';
import { batchRange, recordKey, recordRange, type RecordKind } from './storage-keys.js';

const CHUNK_ENTRIES = 256;
const FORMAT_KEY = recordKey('broker', 'format');
const FORMAT_VERSION = 1;

export interface BrokerState {
  readonly topics: TopicRegistry;
  readonly offsets: GroupOffsets;
  readonly producerIds: ProducerIds;
  readonly transactions: TransactionCoordinator;
}

/** Rebuilds the broker from what an earlier run stored: every batch is read once, and kept as an index entry only. @throws Error for a format that this version does not read. */
export async function loadState(storage: LogStorage, state: BrokerState): Promise<void> {
  const { topics, offsets, producerIds, transactions } = state;
  await checkFormat(storage);
  for (const record of await readAll<TopicRecord>(storage, 'topic')) {
    for (const log of topics.add(record).partitions) await loadPartition(storage, log);
  }
  for (const record of await readAll<OffsetRecord>(storage, 'offset')) offsets.restore(record);
  const [topicId, producerId] = await storage.getMany([
    recordKey('broker', 'nextTopicId'),
    recordKey('broker', 'nextProducerId'),
  ]);
  if (topicId !== undefined) topics.skipIdsBelow(parse(topicId) as number);
  if (producerId !== undefined) producerIds.skipBelow(parse(producerId) as number);
  // Last, because one whose time is over is aborted at once, in the partitions it names.
  for (const record of await readAll<TransactionRecord>(storage, 'transaction')) transactions.restore(record);
}

async function checkFormat(storage: LogStorage): Promise<void> {
  const [stored] = await storage.getMany([FORMAT_KEY]);
  if (stored === undefined) return storage.write([FORMAT_KEY], [Buffer.from(JSON.stringify(FORMAT_VERSION))]);
  const version = parse(stored);
  if (version !== FORMAT_VERSION)
    throw new Error(`its format is ${String(version)}, and this version reads ${FORMAT_VERSION}`);
}

async function loadPartition(storage: LogStorage, log: PartitionLog): Promise<void> {
  const { topicId, partition } = log.identity;
  await walk(storage, batchRange(topicId, partition), (value) => {
    const { appendedAtMs, bytes } = decodeBatchValue(value);
    const batch = storedBatch(log.identity, bytes, appendedAtMs);
    log.restore(batch, bytes);
    batch.bytes = undefined;
  });
  const [bounds] = await storage.getMany([recordKey('bounds', `${topicId}-${partition}`)]);
  if (bounds !== undefined) log.restoreBounds(parse(bounds) as LogBounds);
}

async function readAll<T>(storage: LogStorage, kind: RecordKind): Promise<T[]> {
  const records: T[] = [];
  await walk(storage, recordRange(kind), (value) => records.push(parse(value) as T));
  return records;
}

async function walk(
  storage: LogStorage,
  range: { readonly gte: Uint8Array; readonly lt: Uint8Array },
  onValue: (value: Uint8Array) => void,
): Promise<void> {
  const entries = storage.iterate(range);
  try {
    for (;;) {
      const { values } = await entries.next(CHUNK_ENTRIES);
      if (values.length === 0) return;
      for (const value of values) onValue(value);
    }
  } finally {
    await entries.close();
  }
}

function parse(value: Uint8Array): unknown {
  return JSON.parse(Buffer.from(value).toString());
}
