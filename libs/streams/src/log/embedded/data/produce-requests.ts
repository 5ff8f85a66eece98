import { bufferOf } from '../../../bytes/buffer-of.js';
import type { Clock } from '../../../time/clock.js';
import type { TopicPartition } from '../../log.js';
import { KafkaErrorCode as E } from '../../protocol/error-codes.js';
import type { RequestOf, ResponseOf } from '../../protocol/messages.js';
import { BatchAttribute, isChecksumValid, readBatchHeader, type BatchHeader } from '../../records/batch-header.js';
import { decodeRecords } from '../../records/record-decoder.js';
import type { Topic, TopicRegistry } from '../topics/topic-registry.js';

/** What a partition asks about a transactional batch before it takes it. */
export interface TransactionGuard {
  /** An error code, or 0 if this producer may write to the partition now. */
  verify(transactionalId: string, header: BatchHeader, partition: TopicPartition): number;
}

interface Answer {
  readonly error: number;
  readonly baseOffset: number;
  readonly message: string | null;
}

/** Produce: one batch per partition, checked as a broker checks it. */
export class ProduceRequests {
  constructor(
    private readonly topics: TopicRegistry,
    private readonly transactions: TransactionGuard,
    private readonly clock: Clock,
  ) {}

  produce({ topics, transactionalId }: RequestOf<'produce'>): ResponseOf<'produce'> {
    return {
      throttleMs: 0,
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, records }) => ({
          partition,
          ...this.append({ topic, partition }, records, transactionalId),
        })),
      })),
    };
  }

  private append(at: TopicPartition, records: Uint8Array, transactionalId: string | null): Answer {
    const topic = this.topics.get(at.topic);
    const log = topic?.partitions[at.partition];
    if (topic === undefined || log === undefined) return refused(E.UNKNOWN_TOPIC_OR_PARTITION);
    // The producer keeps its bytes for a retry, and the offset is written into ours.
    const bytes = Buffer.from(bufferOf(records));
    const header = wholeBatch(bytes);
    if (header === undefined) return refused(E.INVALID_RECORD, 'One whole record batch of format v2 is expected');
    const problem = this.problem(topic, at, bytes, header);
    if (problem !== undefined) return problem;
    if ((header.attributes & BatchAttribute.transactional) !== 0) {
      const error =
        transactionalId === null ? E.INVALID_TXN_STATE : this.transactions.verify(transactionalId, header, at);
      if (error !== E.NONE) return refused(error);
    }
    return { ...log.append(bytes, header, this.clock.now()), message: null };
  }

  private problem(topic: Topic, at: TopicPartition, bytes: Buffer, header: BatchHeader): Answer | undefined {
    const maxBytes = topic.config.number('max.message.bytes');
    if (bytes.length > maxBytes) {
      return refused(E.MESSAGE_TOO_LARGE, `A batch of ${bytes.length} bytes is over max.message.bytes (${maxBytes})`);
    }
    if (!isChecksumValid(bytes, header)) return refused(E.CORRUPT_MESSAGE);
    const isControl = (header.attributes & BatchAttribute.control) !== 0;
    if (isControl || header.count < 1 || header.count !== header.lastOffset - header.baseOffset + 1) {
      return refused(E.INVALID_RECORD, 'Producers write data records without gaps');
    }
    if (topic.config.isCompacted && hasNullKey(at, bytes)) {
      return refused(E.INVALID_RECORD, `Records of the compacted topic ${at.topic} need keys`);
    }
    return undefined;
  }
}

function wholeBatch(bytes: Buffer): BatchHeader | undefined {
  try {
    const header = readBatchHeader(bytes, 0);
    return header?.end === bytes.length ? header : undefined;
  } catch {
    return undefined;
  }
}

function hasNullKey({ topic, partition }: TopicPartition, records: Buffer): boolean {
  const bounds = { highWatermark: 0, lastStableOffset: 0, logStartOffset: 0, aborted: [] };
  const chunk = decodeRecords({ ...bounds, topic, partition, position: -1, isolation: 'read_uncommitted', records });
  return chunk.keyStarts.includes(-1);
}

function refused(error: number, message: string | null = null): Answer {
  return { error, baseOffset: -1, message };
}
