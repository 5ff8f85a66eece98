import { SystemClock } from '../../time/system-clock.js';
import { WireLog } from '../client/wire-log.js';
import type { IsolationLevel, Log, PartitionOffset } from '../log.js';
import type { LogError } from '../../errors/log-error.js';
import type { PartitionReader } from '../partition-reader.js';
import type { WireFactory } from '../wire.js';
import { faultyWire, WireFaults } from './faulty-wire.js';

/** What an adapter brings to the suite. */
export interface ConformanceTarget {
  readonly kind: string;
  readonly wires: WireFactory;
  close(): Promise<void>;
}

export interface ReadRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

/** One log under test, with names of its own, and everything closed at the end. */
export class ConformanceWorld {
  readonly faults = new WireFaults();
  readonly log: Log;
  private names = 0;
  private readonly prefix = `c${process.pid}-${Math.random().toString(36).slice(2, 8)}`;

  constructor(private readonly target: ConformanceTarget) {
    this.log = new WireLog({
      kind: target.kind,
      wires: (role) => faultyWire(target.wires(role), this.faults),
      clock: new SystemClock(),
    });
  }

  name(what: string): string {
    return `${this.prefix}-${what}-${this.names++}`;
  }

  async topic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
    const name = this.name('topic');
    await this.log.admin.createTopics([{ name, partitions, config }]);
    return name;
  }

  async end(topic: string, isolation: IsolationLevel = 'read_uncommitted', partition = 0): Promise<number> {
    const [end] = await this.log.admin.endOffsets([{ topic, partition }], isolation);
    return end!.offset;
  }

  /** All records of a partition up to its end, by a reader of its own, and the position it stops at. */
  async read(
    topic: string,
    options: {
      isolation?: IsolationLevel;
      from?: number;
      to?: number;
      partition?: number;
      partitionMaxBytes?: number;
    } = {},
  ): Promise<{ records: ReadRecord[]; position: number }> {
    const { isolation = 'read_committed', from = 0, partition = 0, partitionMaxBytes } = options;
    const to = options.to ?? (await this.end(topic, isolation, partition));
    const reader = this.log.openReader({ role: 'check', isolation, partitionMaxBytes, maxWaitMs: 50 });
    await reader.assign([{ topic, partition, offset: from }]);
    const records: ReadRecord[] = [];
    let position = from;
    while (position < to) {
      const { chunk } = await nextOf(reader);
      for (let i = 0; i < chunk.count; i++) {
        records.push({
          offset: chunk.offsets[i]!,
          key: chunk.key(i)?.toString() ?? null,
          value: chunk.value(i)?.toString() ?? null,
        });
      }
      position = chunk.bounds.nextOffset;
    }
    await reader.close();
    return { records, position };
  }

  async values(
    topic: string,
    options: { isolation?: IsolationLevel; partition?: number } = {},
  ): Promise<(string | null)[]> {
    return (await this.read(topic, options)).records.map(({ value }) => value);
  }

  async committed(groupId: string, topic: string): Promise<PartitionOffset[]> {
    return this.log.admin.committedOffsets(groupId, [{ topic, partition: 0 }]);
  }

  async close(): Promise<void> {
    await this.log.close();
    await this.target.close();
  }
}

/** The next chunk of a reader; waits for it. @throws the error of a partition. */
export async function nextOf(
  reader: PartitionReader,
): Promise<{ chunk: NonNullable<ReturnType<PartitionReader['take']>>['chunk'] & object }> {
  for (;;) {
    const fetched = reader.take();
    if (fetched?.error) throw fetched.error;
    if (fetched?.chunk) return { chunk: fetched.chunk };
    await reader.ready(5000);
  }
}

export async function failureOf(promise: Promise<unknown>): Promise<LogError> {
  try {
    await promise;
  } catch (error) {
    return error as LogError;
  }
  throw new Error('the call was expected to fail');
}

export const bytes = (text: string): Buffer => Buffer.from(text);
