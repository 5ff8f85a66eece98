import { LogError } from '../../../errors/log-error.js';
import type { CompressionCodec } from '../../log-producer.js';
import type { ApiName, FetchedPartition, RequestOf, ResponseOf } from '../../protocol/messages.js';
import { BatchBuilder } from '../../records/batch-builder.js';
import { assignBaseOffset } from '../../records/batch-header.js';
import type { Wire } from '../../wire.js';

export interface EndlessBrokersOptions {
  /** Partition p is led by node p modulo this. Default 1. */
  readonly leaders?: number;
  /** Of the value of each record, which is alone in its batch. Default 1,000. */
  readonly valueBytes?: number;
  readonly compression?: CompressionCodec;
}

/** Brokers that always have another record of each partition, unless it is idle, and fill their answers as brokers do. */
export class EndlessBrokers {
  /** Of the fetches under way. */
  askedBytes = 0;
  /** All records that were sent. */
  sentBytes = 0;
  readonly idle = new Set<number>();
  private readonly batch: Buffer;

  constructor(private readonly options: EndlessBrokersOptions = {}) {
    const { valueBytes = 1000, compression } = options;
    const builder = new BatchBuilder(1 << 30);
    builder.append(Buffer.from('k'), Buffer.alloc(valueBytes, 'v'), 1);
    this.batch = builder.finish({ compression });
  }

  get batchBytes(): number {
    return this.batch.length;
  }

  openWire(): Wire {
    const parked = new Set<(error: LogError) => void>();
    return {
      connect: async () => {},
      close: async () => parked.forEach((reject) => reject(new LogError('retriable', 'LOG_CONNECTION', 'closed'))),
      track: async () => {},
      refresh: async () => {},
      partitions: () => [],
      leaderOf: (_topic, partition) => partition % (this.options.leaders ?? 1),
      anyNode: () => 0,
      controller: () => 0,
      coordinator: async () => 0,
      send: async <A extends ApiName>(_node: number, api: A, request: RequestOf<A>): Promise<ResponseOf<A>> => {
        if (api !== 'fetch') throw new Error(`${api} is not expected`);
        const fetch = request as RequestOf<'fetch'>;
        this.askedBytes += fetch.maxBytes;
        await Promise.resolve();
        const topics = this.fill(fetch);
        if (topics === undefined) await new Promise((_, reject) => parked.add(reject));
        this.askedBytes -= fetch.maxBytes;
        return { throttleMs: 0, error: 0, sessionId: 0, topics } as unknown as ResponseOf<A>;
      },
    };
  }

  private fill({ topics, maxBytes }: RequestOf<'fetch'>): unknown[] | undefined {
    let left = maxBytes;
    let isEmpty = true;
    const filled = topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((asked): FetchedPartition => {
        const room = Math.floor(Math.min(left, asked.maxBytes) / this.batch.length);
        const count = this.idle.has(asked.partition) ? 0 : Math.max(room, isEmpty ? 1 : 0);
        if (count > 0) isEmpty = false;
        left -= count * this.batch.length;
        return {
          partition: asked.partition,
          error: 0,
          highWatermark: 2 ** 40,
          lastStableOffset: 2 ** 40,
          logStartOffset: 0,
          aborted: [],
          records: this.records(asked.offset, count),
        };
      }),
    }));
    return isEmpty ? undefined : filled;
  }

  private records(offset: number, count: number): Buffer {
    const records = Buffer.concat(Array.from({ length: count }, () => this.batch));
    for (let i = 0; i < count; i++) assignBaseOffset(records, i * this.batch.length, offset + i);
    this.sentBytes += records.length;
    return records;
  }
}
