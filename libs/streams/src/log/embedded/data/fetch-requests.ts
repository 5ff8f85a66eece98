import type { Clock } from '../../../time/clock.js';
import { KafkaErrorCode as E } from '../../protocol/error-codes.js';
import type { ByTopic, FetchedPartition, RequestOf, ResponseOf } from '../../protocol/messages.js';
import type { PartitionLog, ReadPlan } from '../partition/partition-log.js';
import type { TopicRegistry } from '../topics/topic-registry.js';

type FetchRequest = RequestOf<'fetch'>;

interface PlannedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly plan: ReadPlan | undefined;
  readonly error: number;
  readonly logStartOffset: number;
}

interface PlannedFetch {
  readonly partitions: readonly PlannedPartition[];
  readonly byteLength: number;
  readonly hasError: boolean;
}

const NO_BYTES = Buffer.alloc(0);

/** Fetch: answers at once if there is enough to read, and waits for records otherwise. */
export class FetchRequests {
  private readonly parked = new Set<() => void>();
  private isClosed = false;

  constructor(
    private readonly topics: TopicRegistry,
    private readonly clock: Clock,
  ) {}

  async fetch(request: FetchRequest): Promise<ResponseOf<'fetch'>> {
    const deadline = this.clock.monotonic() + request.maxWaitMs;
    for (;;) {
      const planned = this.plan(request);
      const waitMs = deadline - this.clock.monotonic();
      if (planned.byteLength >= request.minBytes || planned.hasError || waitMs <= 0 || this.isClosed) {
        const topics = await this.read(planned);
        if (topics !== undefined) return { throttleMs: 0, error: E.NONE, topics };
      } else {
        await this.appendedWithin(waitMs, planned);
      }
    }
  }

  /** Answers what is parked. */
  close(): void {
    this.isClosed = true;
    for (const wake of this.parked) wake();
  }

  private plan({ topics, isolation, maxBytes }: FetchRequest): PlannedFetch {
    const partitions: PlannedPartition[] = [];
    let byteLength = 0;
    let hasError = false;
    for (const { topic, partitions: asked } of topics) {
      for (const { partition, offset, maxBytes: partitionBytes } of asked) {
        const log = this.topics.log({ topic, partition });
        const error = errorOf(log, offset);
        hasError ||= error !== E.NONE;
        const plan =
          log === undefined || error !== E.NONE
            ? undefined
            : log.plan(offset, {
                isCommittedOnly: isolation === 1,
                maxBytes: Math.min(partitionBytes, maxBytes - byteLength),
                // Only the first batch of an answer may go over its limit.
                before: byteLength >= maxBytes ? 0 : undefined,
              });
        byteLength += plan?.byteLength ?? 0;
        partitions.push({ topic, partition, plan, error, logStartOffset: log?.logStartOffset ?? -1 });
      }
    }
    return { partitions, byteLength, hasError };
  }

  /** Undefined if a partition was cleaned meanwhile: the plan is stale then. */
  private async read({ partitions }: PlannedFetch): Promise<readonly ByTopic<FetchedPartition>[] | undefined> {
    const topics: { topic: string; partitions: FetchedPartition[] }[] = [];
    for (const { topic, partition, plan, error, logStartOffset } of partitions) {
      if (topics.at(-1)?.topic !== topic) topics.push({ topic, partitions: [] });
      const bounds = plan ?? { aborted: [], highWatermark: -1, lastStableOffset: -1, logStartOffset };
      const reading = plan?.batches.length ? plan.log.read(plan) : NO_BYTES;
      const records = Buffer.isBuffer(reading) ? reading : await reading;
      if (records === undefined) return undefined;
      topics.at(-1)!.partitions.push({
        partition,
        error,
        records,
        aborted: bounds.aborted,
        highWatermark: bounds.highWatermark,
        lastStableOffset: bounds.lastStableOffset,
        logStartOffset: bounds.logStartOffset,
      });
    }
    return topics;
  }

  private appendedWithin(waitMs: number, { partitions }: PlannedFetch): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.parked.delete(wake);
        cancel();
        for (const stop of stops) stop();
        resolve();
      };
      const cancel = this.clock.schedule(waitMs, wake);
      const stops = partitions.map(({ plan }) => plan!.log.onAppend(wake));
      this.parked.add(wake);
    });
  }
}

function errorOf(log: PartitionLog | undefined, offset: number): number {
  if (log === undefined) return E.UNKNOWN_TOPIC_OR_PARTITION;
  return log.contains(offset) ? E.NONE : E.OFFSET_OUT_OF_RANGE;
}
