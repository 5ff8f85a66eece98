import { KafkaErrorCode as E } from '../../protocol/error-codes.js';
import type { RequestOf, ResponseOf } from '../../protocol/messages.js';
import { decodeRecords } from '../../records/record-decoder.js';
import type { PartitionLog } from '../partition/partition-log.js';
import type { TopicRegistry } from './topic-registry.js';

const EARLIEST = -2;
const END = -1;
const NO_TIME = -1;
const NOT_FOUND = { timestamp: -1, offset: -1 };

interface FoundOffset {
  readonly timestamp: number;
  readonly offset: number;
}

/** ListOffsets: the first offset, the end, or the first record at or after a time. */
export async function listOffsets(
  registry: TopicRegistry,
  { isolation, topics }: RequestOf<'listOffsets'>,
): Promise<ResponseOf<'listOffsets'>> {
  const answers = [];
  for (const { topic, partitions } of topics) {
    const found = [];
    for (const { partition, timestamp } of partitions) {
      const log = registry.log({ topic, partition });
      if (log === undefined) found.push({ partition, error: E.UNKNOWN_TOPIC_OR_PARTITION, ...NOT_FOUND });
      else found.push({ partition, error: E.NONE, ...(await offsetAt(log, timestamp, isolation === 1)) });
    }
    answers.push({ topic, partitions: found });
  }
  return { topics: answers };
}

async function offsetAt(log: PartitionLog, timestamp: number, isCommittedOnly: boolean): Promise<FoundOffset> {
  if (timestamp === EARLIEST) return { timestamp: NO_TIME, offset: log.logStartOffset };
  const end = isCommittedOnly ? log.lastStableOffset : log.endOffset;
  if (timestamp === END) return { timestamp: NO_TIME, offset: end };
  let from = log.logStartOffset;
  for (;;) {
    const batch = log.batches[log.indexOf(from)];
    if (batch === undefined || batch.baseOffset >= end) return NOT_FOUND;
    if (!batch.isControl && batch.maxTimestamp >= timestamp) {
      const plan = log.plan(from, { isCommittedOnly: false, maxBytes: 1 });
      const records = await log.read(plan);
      if (records === undefined) continue;
      const { topic, partition } = log.identity;
      const fetched = { ...plan, topic, partition, position: from, isolation: 'read_uncommitted' } as const;
      const { count, timestamps, offsets } = decodeRecords({ ...fetched, records });
      for (let i = 0; i < count; i++) {
        if (timestamps[i]! >= timestamp) return { timestamp: timestamps[i]!, offset: offsets[i]! };
      }
    }
    from = batch.lastOffset + 1;
  }
}
