import { LogError } from '../../../errors/log-error.js';
import { EmbeddedBroker } from '../../../log/embedded/embedded-broker.js';
import { EmbeddedLog } from '../../../log/embedded/embedded-log.js';
import type { IsolationLevel } from '../../../log/log.js';
import type { LogProducer } from '../../../log/log-producer.js';
import type { PartitionReader, PartitionReaderOptions } from '../../../log/partition-reader.js';
import { stringSerde } from '../../../serdes/text-serdes.js';
import type { Clock } from '../../../time/clock.js';
import { SystemClock } from '../../../time/system-clock.js';
import { changelogTopic } from '../../../topology/internal-topics.js';
import type { PartitionReads } from '../../reads/partition-reads.js';
import { storeDefinition } from '../../testing/fake-runtime.js';
import { ChangelogTails } from '../tail/changelog-tails.js';
import { StoreFeed, type FeedRequest } from '../store-feed.js';
import { Subscriber } from './subscriber.js';

export interface FeedWorldOptions {
  readonly partitions?: number;
  readonly windowMaxBytes?: number;
  readonly fetchMaxBytes?: number;
  /** Of the feeds; the log has the machine's. */
  readonly clock?: Clock;
}

const DEFINITION = storeDefinition('items', stringSerde, stringSerde);
const ALL = { gte: undefined, lt: undefined };

/** The embedded log, whose readers are counted and fail when they are told to. */
export class WatchedLog extends EmbeddedLog {
  /** Since the beginning. */
  readersOpened = 0;
  readersOpen = 0;
  /** What the next chunk of any reader is replaced by. */
  error: LogError | undefined;

  override openReader(options: PartitionReaderOptions): PartitionReader {
    const reader = super.openReader(options);
    this.readersOpened++;
    this.readersOpen++;
    let isOpen = true;
    const close = reader.close.bind(reader);
    reader.close = () => {
      if (isOpen) this.readersOpen--;
      isOpen = false;
      return close();
    };
    const take = reader.take.bind(reader);
    reader.take = () => {
      const fetched = take();
      return fetched && this.error ? { partition: fetched.partition, error: this.error } : fetched;
    };
    return reader;
  }
}

/** A changelog, and feeds of it. */
export class FeedWorld {
  readonly topic = changelogTopic('app', DEFINITION.name);
  readonly tails: ChangelogTails;
  private producer: LogProducer | undefined;
  private readonly subscribers: Subscriber[] = [];

  private constructor(
    readonly log: WatchedLog,
    readonly partitions: readonly number[],
    readonly clock: Clock,
    bounds: ConstructorParameters<typeof ChangelogTails>[0],
  ) {
    this.tails = new ChangelogTails(bounds);
  }

  static async open({
    partitions = 1,
    clock = new SystemClock(),
    ...bounds
  }: FeedWorldOptions = {}): Promise<FeedWorld> {
    const logClock = new SystemClock();
    const log = new WatchedLog(new EmbeddedBroker({ clock: logClock }), { clock: logClock });
    const numbers = Array.from({ length: partitions }, (_, partition) => partition);
    const world = new FeedWorld(log, numbers, clock, bounds);
    await log.admin.createTopics([{ name: world.topic, partitions }]);
    return world;
  }

  /** Writes `values`, in batches of their own. */
  async write(values: readonly string[], partition = 0): Promise<void> {
    this.producer ??= this.log.openProducer({ role: 'test', batchMaxBytes: 200 });
    for (const value of values) this.producer.append(this.topic, partition, Buffer.from(value), Buffer.from(value), 1);
    await this.producer.flush();
  }

  async put(key: string, value: string | null, partition = 0): Promise<void> {
    this.producer ??= this.log.openProducer({ role: 'test', batchMaxBytes: 200 });
    this.producer.append(this.topic, partition, Buffer.from(key), value === null ? null : Buffer.from(value), 1);
    await this.producer.flush();
  }

  async ends(isolation: IsolationLevel = 'read_committed'): Promise<number[]> {
    const topics = this.partitions.map((partition) => ({ topic: this.topic, partition }));
    return (await this.log.admin.endOffsets(topics, isolation)).map(({ offset }) => offset);
  }

  /** @param after the offsets to go on at; absent: from now on. @param partitions all by default. */
  async subscribe(after?: readonly number[], partitions = this.partitions): Promise<Subscriber> {
    return this.open({ partitions, ...(after && { after: { at: this.clock.now(), offsets: after } }) });
  }

  /** @param scan answers for the owners; without it there is no snapshot. */
  async open(request: Partial<FeedRequest> = {}, scan?: PartitionReads['scan']): Promise<Subscriber> {
    const { log, tails, clock } = this;
    const feed = new StoreFeed({
      applicationId: 'app',
      definition: DEFINITION,
      partitionCount: this.partitions.length,
      log,
      reads: { scan } as PartitionReads,
      tails,
      clock,
    });
    const ending = new AbortController();
    const events = await feed.open({
      range: ALL,
      partitions: this.partitions,
      hasSnapshot: scan !== undefined,
      ...request,
      signal: ending.signal,
    });
    const subscriber = new Subscriber(events, ending, this.partitions.length);
    this.subscribers.push(subscriber);
    return subscriber;
  }

  async close(): Promise<void> {
    await Promise.all(this.subscribers.map((subscriber) => subscriber.close().catch(() => {})));
    await this.log.close();
  }
}
