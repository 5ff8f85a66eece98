import { BatchTooLargeError } from '../../errors/batch-too-large-error.js';
import { LogError } from '../../errors/log-error.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import { delay, type Clock } from '../../time/clock.js';
import type { PartitionOffset, TopicPartition } from '../log.js';
import type { Fetched, PartitionReader, PartitionReaderOptions } from '../partition-reader.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import type { FetchedPartition, ResponseOf } from '../protocol/messages.js';
import { nextOffsetAfter } from '../records/batch-header.js';
import { FetchedRecords, type FetchedBytes } from '../records/record-decoder.js';
import type { Wire } from '../wire.js';
import { groupByTopic, partitionKey } from './by-topic.js';
import { ConnectedWire } from './connected-wire.js';
import { closedError, kafkaError } from './kafka-error.js';
import { lastingAbort } from '../../time/lasting-abort.js';

const MIB = 1024 * 1024;
const DEFAULT_PARTITION_BYTES = MIB;
const DEFAULT_PREFETCH_BYTES = 32 * MIB;
const DEFAULT_BATCH_BYTES = 64 * MIB;
/** A view that pins no more than this is not worth a copy. */
const SMALL_RESPONSE_BYTES = 64 * 1024;
const DEFAULT_MAX_WAIT_MS = 250;
const FIRST_BACK_OFF_MS = 20;
const MAX_BACK_OFF_MS = 1000;
const LEADERLESS_BACK_OFF_MS = 200;
const WARN_EVERY_MS = 30_000;

/** An assignment of one partition; a new one replaces it when the partition is moved, so that late answers find nobody. */
interface AssignedPartition extends TopicPartition {
  position: number;
  /** Fetched and not yet taken, as fetched. */
  queuedBytes: number;
  /** Orders the partitions by their latest records: a lower number has waited longer. */
  servedAt: number;
  isPaused: boolean;
  hasFailed: boolean;
}

interface QueuedBytes {
  readonly from: AssignedPartition;
  readonly fetched: FetchedBytes;
  /** Undefined before the first chunk was taken. */
  batches: FetchedRecords | undefined;
}

interface QueuedError {
  readonly from: AssignedPartition;
  readonly error: LogError;
}

type Queued = QueuedBytes | QueuedError;

interface Leader {
  readonly partitions: AssignedPartition[];
  queuedBytes: number;
}

/**
 * `PartitionReader` by the Fetch API: at most one fetch under way per leader.
 *
 * Leaders share `prefetchMaxBytes` equally, so a leader whose fetch is parked does not hold up the others. The bytes that wait and those that are asked for
 * are within it together, whether their partitions are paused or not. Beyond it, one chunk is fetched at a time where only paused partitions have any.
 */
export class PartitionReaderClient implements PartitionReader {
  private readonly connected: ConnectedWire;
  private readonly assigned = new Map<string, AssignedPartition>();
  private readonly fetching = new Map<number, Promise<void>>();
  /** By the fetches under way. */
  private askedBytes = 0;
  private isPumpDue = false;
  private readonly closing = lastingAbort();
  private queue: Queued[] = [];
  private readonly waiters = new Set<() => void>();
  private refreshing: Promise<void> | undefined;
  private served = 0;
  private warnedAt = -Infinity;

  constructor(
    private readonly wire: Wire,
    private readonly options: PartitionReaderOptions,
    private readonly clock: Clock,
    private readonly logger?: StreamsLogger,
  ) {
    this.connected = new ConnectedWire(wire);
  }

  async assign(positions: readonly PartitionOffset[]): Promise<void> {
    this.throwIfClosed();
    // At once: what is removed or assigned again while the wire connects must not come back afterwards.
    const added = positions.map(({ topic, partition, offset }) => {
      this.forget({ topic, partition });
      const assigned = {
        topic,
        partition,
        position: offset,
        queuedBytes: 0,
        servedAt: 0,
        isPaused: false,
        hasFailed: false,
      };
      this.assigned.set(partitionKey(topic, partition), assigned);
      return assigned;
    });
    try {
      await this.connected.connect();
      await this.wire.track([...new Set(positions.map(({ topic }) => topic))]);
    } catch (error) {
      for (const assigned of added) if (this.isCurrent(assigned)) this.forget(assigned);
      throw error;
    }
    this.throwIfClosed();
    this.pump();
  }

  remove(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.forget(partition);
    this.pump();
  }

  pause(partition: TopicPartition): void {
    const assigned = this.find(partition);
    if (assigned === undefined || assigned.isPaused) return;
    assigned.isPaused = true;
    // Others may be fetched now if it has all that waits. Many are paused at once, so this is left to the next `take` that finds nothing, or to `ready`.
    this.isPumpDue = true;
  }

  resume(partition: TopicPartition): void {
    const assigned = this.find(partition);
    if (!assigned?.isPaused) return;
    assigned.isPaused = false;
    this.wake();
    this.pump();
  }

  position(partition: TopicPartition): number | undefined {
    return this.find(partition)?.position;
  }

  take(): Fetched | undefined {
    const index = this.queue.findIndex(({ from }) => !from.isPaused);
    const queued = this.queue[index];
    if (queued === undefined) {
      if (this.isPumpDue) this.pump();
      return undefined;
    }
    const partition: TopicPartition = { topic: queued.from.topic, partition: queued.from.partition };
    if ('error' in queued) {
      this.queue.splice(index, 1);
      return { partition, error: queued.error };
    }
    try {
      queued.batches ??= new FetchedRecords(queued.fetched, {
        chunkMaxBytes: this.partitionMaxBytes,
        batchMaxBytes: this.options.batchMaxBytes ?? DEFAULT_BATCH_BYTES,
      });
      return { partition, chunk: queued.batches.next() };
    } catch (error) {
      if (error instanceof BatchTooLargeError) return { partition, error };
      queued.batches = undefined;
      return { partition, error: this.damaged(queued.from, error) };
    } finally {
      if (queued.batches?.isEmpty !== false) {
        this.queue.splice(index, 1);
        queued.from.queuedBytes -= queued.fetched.records.length;
        this.pump();
      }
    }
  }

  async ready(maxWaitMs: number): Promise<void> {
    if (this.isPumpDue) this.pump();
    if (this.closing.signal.aborted || this.queue.some(({ from }) => !from.isPaused)) return;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        cancel();
        this.waiters.delete(finish);
        resolve();
      };
      const cancel = this.clock.schedule(maxWaitMs, finish);
      this.waiters.add(finish);
    });
  }

  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    this.assigned.clear();
    this.queue = [];
    this.wake();
    await this.wire.close();
    await Promise.all([...this.fetching.values(), this.refreshing]);
  }

  private find({ topic, partition }: TopicPartition): AssignedPartition | undefined {
    return this.assigned.get(partitionKey(topic, partition));
  }

  private isCurrent(assigned: AssignedPartition): boolean {
    return this.find(assigned) === assigned;
  }

  private forget(partition: TopicPartition): void {
    const assigned = this.find(partition);
    if (assigned === undefined) return;
    this.assigned.delete(partitionKey(partition.topic, partition.partition));
    this.queue = this.queue.filter(({ from }) => from !== assigned);
  }

  /** Starts a fetch at every leader that has none under way and something to be asked for. */
  private pump(): void {
    if (this.closing.signal.aborted || this.assigned.size === 0) return;
    this.isPumpDue = false;
    const leaders = new Map<number, Leader>();
    let isLeaderMissing = false;
    let queuedBytes = 0;
    let isAnyReady = false;
    for (const assigned of this.assigned.values()) {
      queuedBytes += assigned.queuedBytes;
      if (!assigned.isPaused && assigned.queuedBytes > 0) isAnyReady = true;
      const isAsked = !assigned.isPaused && !assigned.hasFailed;
      const node = this.wire.leaderOf(assigned.topic, assigned.partition);
      if (node === undefined) {
        isLeaderMissing ||= isAsked;
        continue;
      }
      let leader = leaders.get(node);
      if (leader === undefined) leaders.set(node, (leader = { partitions: [], queuedBytes: 0 }));
      leader.queuedBytes += assigned.queuedBytes;
      if (isAsked) leader.partitions.push(assigned);
    }
    const maxBytes = this.options.prefetchMaxBytes ?? DEFAULT_PREFETCH_BYTES;
    const share = Math.floor(maxBytes / leaders.size);
    for (const [node, leader] of leaders) {
      if (leader.partitions.length === 0 || this.fetching.has(node)) continue;
      const budget = Math.min(share - leader.queuedBytes, maxBytes - queuedBytes - this.askedBytes);
      if (budget >= Math.min(this.partitionMaxBytes, share)) this.begin(node, leader.partitions, budget);
      // What is queued for paused partitions waits for its owner, and must not starve the others.
      else if (!isAnyReady) this.begin(node, leader.partitions, this.partitionMaxBytes);
    }
    if (isLeaderMissing) this.refreshSoon();
  }

  private begin(node: number, partitions: readonly AssignedPartition[], maxBytes: number): void {
    this.askedBytes += maxBytes;
    const fetching = this.fetch(node, partitions, maxBytes).finally(() => {
      this.askedBytes -= maxBytes;
      this.fetching.delete(node);
      this.pump();
    });
    this.fetching.set(node, fetching);
  }

  private get partitionMaxBytes(): number {
    return this.options.partitionMaxBytes ?? DEFAULT_PARTITION_BYTES;
  }

  private refreshSoon(): void {
    this.refreshing ??= delay(this.clock, LEADERLESS_BACK_OFF_MS, this.closing.signal)
      .then(() => this.refresh())
      .finally(() => {
        this.refreshing = undefined;
        this.pump();
      });
  }

  private async refresh(): Promise<void> {
    if (this.closing.signal.aborted) return;
    await this.wire.refresh().catch((error: unknown) => this.logger?.debug(`Metadata not refreshed: ${String(error)}`));
  }

  private async fetch(leader: number, partitions: readonly AssignedPartition[], maxBytes: number): Promise<void> {
    let backOffMs = FIRST_BACK_OFF_MS;
    for (;;) {
      const asked = partitions.filter((p) => this.isCurrent(p) && !p.isPaused && !p.hasFailed);
      if (asked.length === 0 || this.closing.signal.aborted) return;
      try {
        const response = await this.send(leader, asked, maxBytes);
        if (response.error !== 0) throw kafkaError(response.error, 'a fetch');
        const passing = this.accept(response, asked);
        if (passing === undefined) return;
        throw passing;
      } catch (error) {
        if (this.closing.signal.aborted) return;
        this.logger?.debug(`Fetch from node ${leader} will be repeated: ${String(error)}`);
      }
      await delay(this.clock, backOffMs, this.closing.signal);
      await this.refresh();
      backOffMs = Math.min(backOffMs * 2, MAX_BACK_OFF_MS);
      if (asked.some(({ topic, partition }) => this.wire.leaderOf(topic, partition) !== leader)) return;
    }
  }

  /** Once in a while for as long as it lasts. */
  private warnOf(error: LogError): void {
    const now = this.clock.monotonic();
    if (now - this.warnedAt < WARN_EVERY_MS) return;
    this.warnedAt = now;
    this.logger?.warn(`${error.message} This is tried again; the log of the broker has the cause.`);
  }

  private send(leader: number, asked: readonly AssignedPartition[], maxBytes: number): Promise<ResponseOf<'fetch'>> {
    // A broker fills its answer in the order of the request, so the partition that has waited longest comes first.
    const order = [...asked].sort((a, b) => a.servedAt - b.servedAt);
    const maxWaitMs = this.options.maxWaitMs ?? DEFAULT_MAX_WAIT_MS;
    return this.wire.send(
      leader,
      'fetch',
      {
        maxWaitMs,
        minBytes: 1,
        maxBytes,
        isolation: this.options.isolation === 'read_committed' ? 1 : 0,
        topics: groupByTopic(order, ({ partition, position }) => ({
          partition,
          offset: position,
          maxBytes: this.partitionMaxBytes,
        })),
      },
      maxWaitMs,
    );
  }

  /** Queues what came, and moves the positions by the batch headers alone. @returns an error that passes, and for which the fetch is repeated. */
  private accept(response: ResponseOf<'fetch'>, asked: readonly AssignedPartition[]): LogError | undefined {
    const byKey = new Map(asked.map((assigned) => [partitionKey(assigned.topic, assigned.partition), assigned]));
    let passing: LogError | undefined;
    for (const { topic, partitions } of response.topics) {
      for (const fetched of partitions) {
        const from = byKey.get(partitionKey(topic, fetched.partition));
        if (from === undefined || !this.isCurrent(from)) continue;
        if (fetched.error === KafkaErrorCode.NONE) {
          this.enqueue(from, fetched);
          continue;
        }
        const error = this.refused(from, fetched);
        if (error.kind === 'retriable') {
          passing = error;
          if (fetched.error === KafkaErrorCode.UNKNOWN_SERVER_ERROR) this.warnOf(error);
        } else {
          from.hasFailed = true;
          this.queue.push({ from, error });
        }
      }
    }
    this.wake();
    return passing;
  }

  private enqueue(from: AssignedPartition, response: FetchedPartition): void {
    const position = from.position;
    try {
      from.position = nextOffsetAfter(response.records, position);
    } catch (cause) {
      this.queue.push({ from, error: this.damaged(from, cause) });
      return;
    }
    if (from.position === position) return;
    const { topic, partition } = from;
    const records = withoutSlack(response.records);
    const fetched = { ...response, topic, partition, position, records, isolation: this.options.isolation };
    from.queuedBytes += records.length;
    from.servedAt = ++this.served;
    this.queue.push({ from, fetched, batches: undefined });
  }

  private refused(from: AssignedPartition, fetched: FetchedPartition): LogError {
    const range = fetched.logStartOffset < 0 ? '' : ` (the log starts at ${fetched.logStartOffset})`;
    return kafkaError(fetched.error, `to read ${from.topic}-${from.partition} at offset ${from.position}${range}`);
  }

  private damaged(from: AssignedPartition, cause: unknown): LogError {
    from.hasFailed = true;
    const message = `Records of ${from.topic}-${from.partition} cannot be decoded: ${String(cause)}. Read on from a later offset, or repair the topic.`;
    return new LogError('fatal', 'LOG_CORRUPT_MESSAGE', message, { cause });
  }

  private wake(): void {
    for (const waiter of this.waiters) waiter();
  }

  private throwIfClosed(): void {
    if (this.closing.signal.aborted) throw closedError('partition reader');
  }
}

/** The bytes of one partition are a view on the whole response, and one partition that waits must not keep the bytes of all others. */
function withoutSlack(records: Buffer): Buffer {
  const pinnedBytes = records.buffer.byteLength;
  if (pinnedBytes <= SMALL_RESPONSE_BYTES || pinnedBytes <= 2 * records.length) return records;
  const copy = Buffer.allocUnsafeSlow(records.length);
  records.copy(copy);
  return copy;
}
