import { LogError } from '../../errors/log-error.js';
import { partitionKey } from '../../log/client/by-topic.js';
import type { TopicPartition } from '../../log/log.js';
import type { LogAdmin } from '../../log/log-admin.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';

/** Transactions of most applications end within seconds. */
const NAMED_AFTER_MS = 60_000;

/** A partition whose records are all handled, as far as they can be read. */
export interface ReadPartition extends TopicPartition {
  /** Offset of the next record. */
  readonly position: number;
}

interface Stall {
  readonly offset: number;
  readonly since: number;
  nextWarningMs: number;
}

/**
 * Names open transactions of other producers that hold up the sources of this instance: a committed reader waits in front of the first one, and
 * one that no producer ends any more looks like a topic without new records.
 */
export class SourceStalls {
  private readonly stalls = new Map<string, Stall>();

  constructor(
    private readonly admin: LogAdmin,
    private readonly clock: Clock,
    private readonly logger: StreamsLogger,
  ) {}

  /** Never rejects. */
  async look(partitions: readonly ReadPartition[]): Promise<void> {
    if (partitions.length === 0) return this.stalls.clear();
    try {
      const [stable, ends] = await Promise.all([
        this.admin.endOffsets(partitions, 'read_committed'),
        this.admin.endOffsets(partitions, 'read_uncommitted'),
      ]);
      const held = partitions.filter(
        ({ position }, i) => position >= stable[i]!.offset && stable[i]!.offset < ends[i]!.offset,
      );
      const names = new Set(held.map(({ topic, partition }) => partitionKey(topic, partition)));
      for (const name of this.stalls.keys()) if (!names.has(name)) this.stalls.delete(name);
      for (const each of held) this.note(each);
    } catch (error) {
      if (!(error instanceof LogError) || error.kind !== 'retriable')
        this.logger.debug(`Open transactions of the sources cannot be looked for: ${String(error)}`);
    }
  }

  private note({ topic, partition, position }: ReadPartition): void {
    const name = partitionKey(topic, partition);
    const now = this.clock.monotonic();
    const known = this.stalls.get(name);
    if (known?.offset !== position) {
      this.stalls.set(name, { offset: position, since: now, nextWarningMs: NAMED_AFTER_MS });
      return;
    }
    const heldMs = now - known.since;
    if (heldMs < known.nextWarningMs) return;
    known.nextWarningMs = 2 * heldMs;
    this.logger.warn(
      `"${topic}" partition ${partition} has been held up at offset ${position} for ${Math.round(heldMs / 1000)} s by an open transaction of another producer: ` +
        `exactly-once reads committed records only. If this does not pass, the transaction hangs: look with ` +
        `\`kafka-transactions.sh --bootstrap-server <brokers> find-hanging --topic ${topic}\`, and end it with its \`abort\`.`,
    );
  }
}
