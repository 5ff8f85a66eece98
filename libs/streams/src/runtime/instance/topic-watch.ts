import { CoPartitioningError } from '../../errors/co-partitioning-error.js';
import { LogError } from '../../errors/log-error.js';
import { TopicChangedError } from '../../errors/topic-changed-error.js';
import type { LogAdmin } from '../../log/log-admin.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import { delay, type Clock } from '../../time/clock.js';
import { checkCoPartitioning } from '../../topology/co-partitioning.js';
import { changelogTopic } from '../../topology/internal-topics.js';
import type { Topology } from '../../topology/topology.js';
import type { OutputTopics } from '../records/output-topics.js';

/** A broker that has just started may not know every topic yet, so a change that stops the instance is looked at twice. */
const CONFIRM_AFTER_MS = 2000;

export interface TopicWatchOptions {
  readonly applicationId: string;
  readonly topology: Topology;
  readonly deadLetterTopic: string | undefined;
  readonly admin: LogAdmin;
  /** Tasks by sub-topology; grows with the source topics of sub-topologies without stores. */
  readonly taskCounts: Map<number, number>;
  readonly outputTopics: OutputTopics;
  readonly maxAgeMs: number;
  readonly clock: Clock;
  /** Aborts when the instance stops. */
  readonly signal: AbortSignal;
  readonly logger: StreamsLogger;
  /** There are more tasks than before. */
  readonly onTasksAdded: () => void;
  /** The instance cannot continue. */
  readonly onChanged: (error: Error) => void;
}

/**
 * Looks at the source and output topics while the instance runs. New partitions of sources without stores become tasks, and those of outputs are
 * written to; any other change ends the instance, because requests for topics that are gone are repeated without end.
 */
export class TopicWatch {
  private readonly outputs: readonly string[];
  private readonly sourceIds = new Map<string, string>();
  /** Of the last look. */
  private suspected: Error | undefined;
  /** Outputs that had fewer partitions in the last look, until that is confirmed. */
  private shrunk = new Map<string, number>();

  constructor(private readonly options: TopicWatchOptions) {
    const { topology, deadLetterTopic } = options;
    this.outputs = [...new Set([...topology.sinkTopics, ...(deadLetterTopic === undefined ? [] : [deadLetterTopic])])];
  }

  /** Looks now and after every `maxAgeMs`, until the instance stops. Never rejects. */
  async run(): Promise<void> {
    const { clock, signal, maxAgeMs } = this.options;
    while (!signal.aborted) {
      const problem = await this.look();
      // The other topics of a co-partitioned group may be about to grow as well.
      const canWait = (problem === undefined || problem instanceof CoPartitioningError) && this.shrunk.size === 0;
      await delay(clock, canWait ? maxAgeMs : Math.min(CONFIRM_AFTER_MS, maxAgeMs), signal);
    }
  }

  private async look(): Promise<Error | undefined> {
    const { admin, topology, logger, signal, onChanged } = this.options;
    const names = [...new Set([...topology.sourceTopics, ...this.outputs])];
    try {
      const found = await admin.describeTopics(names);
      const counts = new Map(Array.from(found.values(), ({ name, partitions }) => [name, partitions]));
      const ids = await this.idsOf(names);
      if (signal.aborted) return undefined;
      this.adoptOutputs(counts);
      const problem = this.problemIn(counts, ids);
      const isConfirmed = problem !== undefined && problem.message === this.suspected?.message;
      this.suspected = problem;
      if (problem === undefined) return undefined;
      if (isConfirmed) onChanged(problem);
      else
        logger.warn(
          `The topics of the application have changed; the instance stops if that stays so: ${problem.message}`,
        );
      return problem;
    } catch (error) {
      const isPassing = error instanceof LogError && error.kind === 'retriable';
      const message = `The topics of the application cannot be looked at, so their changes are not noticed: ${String(error)}`;
      if (isPassing) logger.debug(message);
      else logger.warn(message);
      return undefined;
    }
  }

  /**
   * Without ids a topic that was created again is noticed by its partition count only.
   * @throws LogError where the instance may not see a topic, which looks like one that does not exist.
   */
  private async idsOf(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    try {
      return await this.options.admin.topicIds(names);
    } catch (error) {
      // Brokers before 2.8 end the connection instead of an answer.
      if (error instanceof LogError && error.kind === 'retriable') return new Map();
      throw error;
    }
  }

  private adoptOutputs(counts: ReadonlyMap<string, number>): void {
    const { outputTopics, logger } = this.options;
    const before = this.shrunk;
    this.shrunk = new Map();
    for (const name of this.outputs) {
      const topic = outputTopics.get(name);
      const count = counts.get(name);
      if (count === undefined || count === topic.partitions) continue;
      // Partitions vanish only with their topic, and a broker that was away may not know the latest ones yet.
      if (count < topic.partitions && before.get(name) !== count) this.shrunk.set(name, count);
      else {
        logger.info(
          `"${name}" has ${count} partitions now (${topic.partitions} before): outputs are spread over them.`,
        );
        topic.partitions = count;
      }
    }
  }

  /** Takes up new partitions where that is possible. @returns why the instance cannot continue. */
  private problemIn(counts: ReadonlyMap<string, number>, ids: ReadonlyMap<string, string>): Error | undefined {
    const { topology, applicationId, taskCounts, logger, onTasksAdded } = this.options;
    const deleted = [...topology.sourceTopics, ...this.outputs].find((topic) => !counts.has(topic));
    if (deleted !== undefined) return new TopicChangedError(deleted, { kind: 'deleted' }, applicationId);
    const recreated = topology.sourceTopics.find((topic) => this.hasOtherId(topic, ids.get(topic)));
    if (recreated !== undefined) return new TopicChangedError(recreated, { kind: 'recreated' }, applicationId);
    let found: ReadonlyMap<number, number>;
    try {
      found = checkCoPartitioning(topology, counts);
    } catch (error) {
      return error as Error;
    }
    const added: number[] = [];
    for (const sub of topology.subTopologies) {
      const before = taskCounts.get(sub.id) ?? 0;
      const after = found.get(sub.id) ?? 0;
      const topic = sub.sources[0]?.topic ?? '';
      if (after === before) continue;
      // Kafka removes partitions only with their topic.
      if (after < before) return new TopicChangedError(topic, { kind: 'recreated' }, applicationId);
      if (sub.stores.length > 0) {
        const stores = sub.stores.map(({ name }) => name);
        const changelogs = sub.stores.flatMap(({ name, changelog }) =>
          changelog.isEnabled ? [changelogTopic(applicationId, name)] : [],
        );
        return new TopicChangedError(topic, { kind: 'grown', before, after, stores }, applicationId, changelogs);
      }
      logger.info(`"${topic}" has ${after} partitions now (${before} before): the new ones are taken up.`);
      added.push(sub.id);
    }
    for (const id of added) taskCounts.set(id, found.get(id)!);
    if (added.length > 0) onTasksAdded();
    return undefined;
  }

  private hasOtherId(topic: string, id: string | undefined): boolean {
    if (id === undefined || id === '') return false;
    const known = this.sourceIds.get(topic);
    if (known === undefined) this.sourceIds.set(topic, id);
    return known !== undefined && known !== id;
  }
}
