import type { OffsetsLostPolicy } from '../../config/runtime-config.js';
import { LogError } from '../../errors/log-error.js';
import { describeLostOffsets, OffsetsLostError, type LostOffset } from '../../errors/offsets-lost-error.js';
import type { GroupIdentity, GroupMember } from '../../log/group-member.js';
import type { Log, PartitionOffset, TopicPartition } from '../../log/log.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { Clock } from '../../time/clock.js';
import type { Tenure } from '../group/tenure.js';
import type { Restorer } from '../restore/restorer.js';
import { orAborted, untilAnswered } from '../retry.js';
import type { BegunSources } from './begun-sources.js';
import type { ChangelogReset } from './changelog-reset.js';
import type { Task } from './task.js';

export interface StartPositionsOptions {
  readonly groupId: string;
  readonly policy: OffsetsLostPolicy;
  readonly log: Log;
  readonly member: () => GroupMember;
  readonly restorer: Restorer;
  readonly begun: BegunSources;
  readonly reset: ChangelogReset;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
}

/** The first offset of a task that comes up. */
interface FirstOffset {
  readonly offset: PartitionOffset;
  /** Aborts when the task is given back, which its next owner may have begun by then. */
  readonly signal: AbortSignal;
}

/** Offsets of tasks that come up together; one request commits them. */
interface OffsetBatch {
  readonly first: FirstOffset[];
  readonly done: Promise<void>;
}

/** Finds where restored tasks continue, and decides what happens where that is no longer known. */
export class StartPositions {
  /** By the generation in which the offsets were found. */
  private readonly batches = new Map<GroupIdentity, OffsetBatch>();
  private lastCommit: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: StartPositionsOptions) {}

  /**
   * Sets the position of each queue of `task`, whose stores were restored.
   * @throws OffsetsLostError under the policy `fail`, the signal's reason if that aborts.
   */
  async find(task: Task, tenure: Tenure, signal: AbortSignal): Promise<void> {
    for (let as = tenure.identity; ;) {
      try {
        return await this.findIn(as, task, tenure, signal);
      } catch (error) {
        if (signal.aborted || !isMigrated(error)) throw error;
      }
      as = await this.nextGeneration(as, tenure, signal);
    }
  }

  /** @throws LogError `migrated` if the generation is over before the offsets are committed. */
  private async findIn(as: GroupIdentity, task: Task, tenure: Tenure, signal: AbortSignal): Promise<void> {
    const { member, log, policy } = this.options;
    const { admin } = log;
    const partitions = task.sourcePartitions;
    const readEnds = (): Promise<PartitionOffset[]> => admin.endOffsets(partitions, 'read_uncommitted');
    const what = `tell the offsets of task ${task.id}`;
    let [committed, begins, ends] = await untilAnswered(this.options, signal, what, () =>
      Promise.all([member().committed(partitions), admin.beginningOffsets(partitions), readEnds()]),
    );
    // An end that was read before the offset may be the older of the two.
    if (committed.some(({ offset }, i) => offset > ends[i]!.offset))
      ends = await untilAnswered(this.options, signal, what, readEnds);
    const lost = lostOffsets(task, committed, ends, this.options.begun);
    if (lost.length > 0) await this.decide(task, lost, begins, tenure, signal);
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
    if (changed.length > 0 && (task.stores.all.length > 0 || lost.length > 0 || fresh.size > 0))
      await untilAnswered(this.options, signal, 'take the first offsets of tasks', () =>
        this.commitTogether(changed, as, tenure, signal),
      );
    if (task.stores.all.length > 0)
      this.options.begun.add(
        task.id,
        partitions.map(({ topic }) => topic),
      );
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
    const { log, logger } = this.options;
    const indices = task.records.queues.flatMap((queue, i) =>
      queue.source.startAt === 'latest' && committed[i]!.offset < 0 ? [i] : [],
    );
    if (indices.length === 0) return new Map();
    const partitions = indices.map((i) => task.sourcePartitions[i]!);
    // The last stable offset: what is still undecided arrives after the start.
    const ends = await untilAnswered(this.options, signal, `tell where the sources of task ${task.id} end`, () =>
      log.admin.endOffsets(partitions, 'read_committed'),
    );
    // With state, the source is new or its offset was deleted.
    const level = hasState(task) ? 'warn' : 'info';
    for (const { topic, partition, offset } of ends)
      logger[level](
        `Starting ${topic}-${partition} at its end, offset ${offset} (startAt: 'latest', no committed offset).`,
      );
    return new Map(indices.map((index, i) => [index, ends[i]!.offset]));
  }

  private async decide(
    task: Task,
    lost: readonly LostOffset[],
    begins: readonly PartitionOffset[],
    tenure: Tenure,
    signal: AbortSignal,
  ): Promise<void> {
    const { groupId, policy, reset, restorer, logger, metrics } = this.options;
    const stores = task.stores.all.filter(({ store }) => store.position !== undefined);
    const names = stores.map(({ definition }) => definition.name);
    if (policy === 'fail') throw new OffsetsLostError(groupId, task.id, lost, names);
    metrics.add('streams_errors_total', { code: 'STREAMS_OFFSETS_LOST' }, 1);
    logger.error(`${describeLostOffsets(groupId, task.id, lost, names)} Applying onOffsetsLost='${policy}'.`);
    if (policy !== 'reset') return;
    await reset.run(task, begins, tenure, signal);
    for (const { store } of task.stores.all) {
      await store.wipe();
      await store.open();
    }
    await restorer.restore(task, signal);
  }

  private async nextGeneration(as: GroupIdentity, tenure: Tenure, signal: AbortSignal): Promise<GroupIdentity> {
    const { member } = this.options;
    try {
      return await orAborted(signal, tenure.renewed(member(), as));
    } catch (error) {
      if (signal.aborted || !isMigrated(error)) throw error;
      // The membership has ended, which the member is about to find out: the tenure ends with it.
      member().requestRejoin();
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw signal.reason;
    }
  }

  private commitTogether(
    offsets: readonly PartitionOffset[],
    as: GroupIdentity,
    tenure: Tenure,
    signal: AbortSignal,
  ): Promise<void> {
    const { member } = this.options;
    let batch = this.batches.get(as);
    if (batch === undefined) {
      const first: FirstOffset[] = [];
      const done = this.lastCommit.then(() => {
        this.batches.delete(as);
        tenure.check();
        const wanted = first.filter((each) => !each.signal.aborted).map(({ offset }) => offset);
        return member().commit(wanted, as, { onlyThisGeneration: true });
      });
      this.lastCommit = done.catch(() => undefined);
      batch = { first, done };
      this.batches.set(as, batch);
    }
    for (const offset of offsets) batch.first.push({ offset, signal });
    return batch.done;
  }
}

function hasState(task: Task): boolean {
  return task.stores.all.some(({ store }) => store.position !== undefined);
}

/**
 * A task without any offset is new, unless its stores have been written. A source without an offset is new, unless it had one. An offset beyond the
 * end belongs to another topic.
 */
function lostOffsets(
  task: Task,
  committed: readonly PartitionOffset[],
  ends: readonly PartitionOffset[],
  begun: BegunSources,
): LostOffset[] {
  const isWithout = committed.every(({ offset }) => offset < 0);
  const isWritten = hasState(task);
  return committed.flatMap(({ topic, partition, offset }, i) => {
    const end = ends[i]!.offset;
    const isLost = isWritten && offset < 0 && (isWithout || begun.has(task.id, topic));
    return isLost || offset > end ? [{ topic, partition, committed: offset, end }] : [];
  });
}

function isMigrated(error: unknown): boolean {
  return error instanceof LogError && error.kind === 'migrated';
}

function isSame(a: TopicPartition, b: TopicPartition): boolean {
  return a.topic === b.topic && a.partition === b.partition;
}
