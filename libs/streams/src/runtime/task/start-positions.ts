import type { OffsetsLostPolicy } from '../../config/runtime-config.js';
import { LogError } from '../../errors/log-error.js';
import { describeLostOffsets, OffsetsLostError, type LostOffset } from '../../errors/offsets-lost-error.js';
import type { GroupMember } from '../../log/group-member.js';
import type { Log, PartitionOffset, TopicPartition } from '../../log/log.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { Clock } from '../../time/clock.js';
import type { Tenure } from '../group/tenure.js';
import type { Restorer } from '../restore/restorer.js';
import { untilAnswered } from '../retry.js';
import { emptyChangelogs } from './empty-changelogs.js';
import type { Task } from './task.js';

export interface StartPositionsOptions {
  readonly groupId: string;
  readonly policy: OffsetsLostPolicy;
  readonly log: Log;
  readonly member: () => GroupMember;
  readonly restorer: Restorer;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
}

/** Offsets of tasks that come up together; one request commits them. */
interface OffsetBatch {
  readonly offsets: PartitionOffset[];
  readonly done: Promise<void>;
}

/** Finds where restored tasks continue, and decides what happens where that is no longer known. */
export class StartPositions {
  private readonly batches = new Map<Tenure, OffsetBatch>();
  private lastCommit: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: StartPositionsOptions) {}

  /**
   * Sets the position of each queue of `task`, whose stores were restored.
   * @throws OffsetsLostError under the policy `fail`, the signal's reason if that aborts.
   */
  async find(task: Task, tenure: Tenure, signal: AbortSignal): Promise<void> {
    const { member, log, clock, policy } = this.options;
    const { admin } = log;
    const partitions = task.sourcePartitions;
    const readEnds = (): Promise<PartitionOffset[]> => admin.endOffsets(partitions, 'read_uncommitted');
    let [committed, begins, ends] = await untilAnswered(clock, signal, () =>
      Promise.all([member().committed(partitions), admin.beginningOffsets(partitions), readEnds()]),
    );
    // An end that was read before the offset may be the older of the two.
    if (committed.some(({ offset }, i) => offset > ends[i]!.offset))
      ends = await untilAnswered(clock, signal, readEnds);
    const lost = lostOffsets(task, committed, ends);
    if (lost.length > 0) await this.decide(task, lost, signal);
    const fresh = lost.length > 0 ? new Map<number, number>() : await this.freshStarts(task, committed, signal);
    if (lost.length === 0)
      this.nameNewSources(
        task,
        committed.filter((_, i) => !fresh.has(i)),
      );
    const starts = partitions.map((partition, i) => {
      const { offset } = committed[i]!;
      const isLost = lost.some((each) => isSame(each, partition));
      if (isLost && policy === 'latest') return ends[i]!.offset;
      const freshStart = fresh.get(i);
      if (freshStart !== undefined) return freshStart;
      if (isLost || offset < 0 || (lost.length > 0 && policy === 'reset')) return begins[i]!.offset;
      return offset;
    });
    const changed = partitions.flatMap((partition, i) =>
      starts[i] === committed[i]!.offset ? [] : [{ ...partition, offset: starts[i]! }],
    );
    // Before anything is appended: records in a changelog without an offset then mean that the offset was lost.
    // A start at the end is kept as well: if it were determined again after a crash, records that arrived in between would be skipped.
    if (task.stores.all.length > 0 || lost.length > 0 || fresh.size > 0) await this.commit(changed, tenure, signal);
    task.records.queues.forEach((queue, i) => {
      queue.reset(starts[i]!);
      queue.end = ends[i]!.offset;
    });
  }

  /** A source that was added has no offset, and neither has one whose offset was deleted. */
  private nameNewSources(task: Task, committed: readonly PartitionOffset[]): void {
    const added = committed.filter(({ offset }) => offset < 0);
    if (added.length === 0 || !hasState(task)) return;
    const names = added.map(({ topic, partition }) => `"${topic}" partition ${partition}`).join(', ');
    this.options.logger.warn(
      `Task ${task.id} has state and offsets of its other sources, but none of ${names}: reading that from its beginning, as a new source. ` +
        `If it is not new, its records are applied again: stop all instances, and set its offset with kafka-consumer-groups.sh --reset-offsets.`,
    );
  }

  /** Returns the starts, by index, of partitions without an offset whose source has `startAt: 'latest'`. */
  private async freshStarts(
    task: Task,
    committed: readonly PartitionOffset[],
    signal: AbortSignal,
  ): Promise<Map<number, number>> {
    const { clock, log, logger } = this.options;
    const indices = task.records.queues.flatMap((queue, i) =>
      queue.source.startAt === 'latest' && committed[i]!.offset < 0 ? [i] : [],
    );
    if (indices.length === 0) return new Map();
    const partitions = indices.map((i) => task.sourcePartitions[i]!);
    // The last stable offset: what is still undecided arrives after the start.
    const ends = await untilAnswered(clock, signal, () => log.admin.endOffsets(partitions, 'read_committed'));
    // With state, the source is new or its offset was deleted.
    const level = hasState(task) ? 'warn' : 'info';
    for (const { topic, partition, offset } of ends)
      logger[level](
        `Starting ${topic}-${partition} at its end, offset ${offset} (startAt: 'latest', no committed offset).`,
      );
    return new Map(indices.map((index, i) => [index, ends[i]!.offset]));
  }

  private async decide(task: Task, lost: readonly LostOffset[], signal: AbortSignal): Promise<void> {
    const { groupId, policy, log, restorer, clock, logger, metrics } = this.options;
    const stores = task.stores.all.filter(({ store }) => store.position !== undefined);
    const names = stores.map(({ definition }) => definition.name);
    if (policy === 'fail') throw new OffsetsLostError(groupId, task.id, lost, names);
    metrics.add('streams_errors_total', { code: 'STREAMS_OFFSETS_LOST' }, 1);
    logger.error(`${describeLostOffsets(groupId, task.id, lost, names)} Applying onOffsetsLost='${policy}'.`);
    if (policy !== 'reset') return;
    await emptyChangelogs(task, log, clock, signal);
    for (const { store } of task.stores.all) {
      await store.wipe();
      await store.open();
    }
    await restorer.restore(task, signal);
  }

  private async commit(offsets: readonly PartitionOffset[], tenure: Tenure, signal: AbortSignal): Promise<void> {
    if (offsets.length === 0) return;
    const { clock, member } = this.options;
    try {
      await untilAnswered(clock, signal, () => this.commitTogether(offsets, tenure));
    } catch (error) {
      if (signal.aborted || !(error instanceof LogError) || error.kind !== 'migrated') throw error;
      // The membership has ended, which the member is about to find out: the tenure ends with it.
      member().requestRejoin();
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw signal.reason;
    }
  }

  private commitTogether(offsets: readonly PartitionOffset[], tenure: Tenure): Promise<void> {
    const { member } = this.options;
    let batch = this.batches.get(tenure);
    if (batch === undefined) {
      const added: PartitionOffset[] = [];
      const done = this.lastCommit.then(() => {
        this.batches.delete(tenure);
        tenure.check();
        return member().commit(added, tenure.identity);
      });
      this.lastCommit = done.catch(() => undefined);
      batch = { offsets: added, done };
      this.batches.set(tenure, batch);
    }
    batch.offsets.push(...offsets);
    return batch.done;
  }
}

/** A task without any offset is new, unless its stores have been written; an offset beyond the end belongs to another topic. */
function lostOffsets(
  task: Task,
  committed: readonly PartitionOffset[],
  ends: readonly PartitionOffset[],
): LostOffset[] {
  const isWithout = hasState(task) && committed.length > 0 && committed.every(({ offset }) => offset < 0);
  return committed.flatMap(({ topic, partition, offset }, i) => {
    const end = ends[i]!.offset;
    return isWithout || offset > end ? [{ topic, partition, committed: offset, end }] : [];
  });
}

function hasState(task: Task): boolean {
  return task.stores.all.some(({ store }) => store.position !== undefined);
}

function isSame(a: TopicPartition, b: TopicPartition): boolean {
  return a.topic === b.topic && a.partition === b.partition;
}
