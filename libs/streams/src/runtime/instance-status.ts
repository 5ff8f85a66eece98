import type { RestoreProgress, TaskId } from '../topology/processor.js';
import type { StoreDefinition } from '../topology/store-definition.js';
import type { CopyFreshness } from './restore/copy-freshness.js';
import type { Awaitable } from '../stores/key-value/key-value-store.js';
import type { CommittedView, StateStore } from '../stores/state-store.js';
import type { ChangelogPosition } from '../stores/store-engine.js';

/**
 *   created -> starting -> rebalancing <-> running
 *                 |            |             |
 *                 +------------+-------------+--> stopping -> stopped
 *                 +------------+-------------+--> failed ---> stopped
 *
 * `running` includes instances whose tasks still restore: look at the tasks.
 */
export type InstanceState = 'created' | 'starting' | 'rebalancing' | 'running' | 'stopping' | 'stopped' | 'failed';

/** See the drawing in `runtime/task/task-state.ts`. */
export type TaskState = 'created' | 'standby' | 'restoring' | 'running' | 'suspended' | 'closed';

export interface TaskStatus {
  readonly taskId: TaskId;
  readonly partition: number;
  readonly state: TaskState;
  readonly sourceTopics: readonly string[];
  /** Those whose records wait because of a pause. */
  readonly pausedTopics: readonly string[];
  readonly stores: readonly StoreStatus[];
  readonly streamTime: number;
}

export interface StoreStatus {
  readonly name: string;
  readonly position: number | undefined;
  /** Present while the store restores. */
  readonly restore?: RestoreProgress;
}

/** Who serves a partition, as the group's assignment told. */
export interface PartitionOwner {
  readonly instanceId: string;
  /** Base URL without a trailing slash; undefined if that instance advertises none. */
  readonly url: string | undefined;
  readonly isLocal: boolean;
}

/** A store as this instance can query it. Partitions are those of its tasks. */
export interface QueryableStore {
  readonly definition: StoreDefinition;
  readonly partitionCount: number;
  /** The partition of the serialised key: the store's own partitioner, or Kafka's default one. */
  partitionOf(key: Uint8Array): number;
  local(partition: number): LocalPartition | undefined;
  /** A copy of a partition that runs elsewhere; without a view unless it is followed. */
  standby(partition: number): LocalPartition | undefined;
  /** Undefined while nobody owns it. */
  owner(partition: number): PartitionOwner | undefined;
  approximateEntries(): Promise<number>;
}

/** `view` is there only in `running` tasks (and in suspended ones, whose state is complete but no longer followed). */
export interface LocalPartition {
  readonly partition: number;
  readonly taskId: TaskId;
  readonly state: TaskState;
  readonly position: number | undefined;
  readonly restore?: RestoreProgress | undefined;
  readonly view?: CommittedView | undefined;
  /** As `view`, with what is not committed yet; there only in tasks that run. */
  readonly uncommitted?: CommittedView | undefined;
  /** Of a standby. */
  readonly copy?: CopyFreshness | undefined;
  /** As `StateStore.standing`. */
  standing(): Awaitable<ChangelogPosition>;
  /** As `StateStore.approximateEntries`. */
  approximateEntries(): Promise<number>;
  /** As `StateStore.positionOf`. */
  positionOf: StateStore['positionOf'];
  /** The next offset of a source topic that the view does not contain; undefined for other topics, in standbys, and before the first commit. */
  processed(topic: string): number | undefined;
}

/** What an instance knows of its place in the group. */
export interface Membership {
  /** Generation of the last assignment; -1 before the first. Of two instances, the one with the greater epoch knows better who owns what. */
  readonly epoch: number;
  /**
   * What this instance owns may lack what was committed since so long: because the group may have given it to another one, or because a commit
   * is under way. 0 where neither is possible.
   */
  readonly doubtMs: number;
}
