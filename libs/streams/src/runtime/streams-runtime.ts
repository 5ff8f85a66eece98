import type { TopicPartition } from '../log/log.js';
import type { Topology } from '../topology/topology.js';
import type { Courtesy } from './courtesy.js';
import type { PauseScope } from './processing/pauses.js';
import type { Log } from '../log/log.js';
import type { ReadableListener } from './readable-changes.js';
import type { InstanceState, Membership, QueryableStore, TaskStatus } from './instance-status.js';

/**
 * One running instance of an application, as the adapters at the rim (Nest, queries, health) see it. `StreamsInstance` implements it.
 *
 * `start` and the steps of a stop are idempotent and serialised by the instance's state machine.
 */
export interface StreamsRuntime {
  readonly applicationId: string;
  readonly instanceId: string;
  readonly topology: Topology;
  readonly state: InstanceState;
  /** Why the instance is `failed`. */
  readonly failure: Error | undefined;

  /** @returns a function that removes the listener. */
  onStateChange(listener: (state: InstanceState, previous: InstanceState) => void): () => void;

  /**
   * Calls `listener` when reads of a partition may answer otherwise than before: after commits and assignments, when tasks or the instance change their
   * state, as standbys proceed. Also once a second, since the age of what is held changes by itself. @returns a function that removes the listener.
   */
  onReadableChange(listener: ReadableListener): () => void;

  /**
   * Checks the topics, takes the state directory, connects and joins the group; settles after the first assignment. Stores restore in the
   * background. @throws StreamsError; the instance is then `failed` and has released what it took.
   */
  start(): Promise<void>;

  /**
   * Gives the tasks to the other instances of the group and works on until they ask for them; settles at once where there are no others, and after
   * three heartbeat intervals at the latest. First step of a stop.
   */
  handOver(): Promise<void>;
  /** Takes no further records; those being handled finish. */
  stopIntake(): void;
  /** Commits, closes the tasks' user code and leaves the group; queries still answer. */
  drain(): Promise<void>;
  /** Closes stores, releases locks, disconnects. Last step; includes the others if they were left out. */
  close(): Promise<void>;

  /** Settles once every assigned task runs, rejects when the instance fails or stops. */
  whenRunning(): Promise<void>;

  /**
   * Stops processing on this instance, of all or of a part, at a record boundary; kept over a restart until `resume` of the same scope. Settles when none
   * of its records is being handled. @throws PauseScopeError for what does not exist, StateDirectoryError if it cannot be kept.
   */
  pause(scope?: PauseScope): Promise<void>;
  /** Ends the pause of the same scope; what another one holds goes on waiting. @throws as `pause` */
  resume(scope?: PauseScope): Promise<void>;
  /** What is paused on this instance. */
  pauses(): readonly ('instance' | PauseScope)[];

  tasks(): readonly TaskStatus[];
  /** Tasks that run on other instances, and whose stores are kept up to date here. */
  standbys(): readonly TaskStatus[];
  /** @returns undefined for an unknown store. */
  queryableStore(name: string): QueryableStore | undefined;
  queryableStores(): readonly QueryableStore[];

  /** Told of queries, so that processing leaves them more turns of the event loop; undefined before the instance is made. */
  readonly courtesy: Pick<Courtesy, 'begin' | 'end'> | undefined;

  membership(): Membership;
  /** All instances of the group that the last assignment named, with the base URL of those that advertise one. */
  instances(): ReadonlyMap<string, string | undefined>;

  /** The log of this instance, which closes it; for readers beside it. */
  openLog(): Promise<Log>;
  /** Most bytes of a decompressed batch, for those readers. */
  readonly batchMaxBytes: number;

  /** Offsets between the committed position and the end, for the source partitions of this instance, as of the last poll. */
  sourceLag(): readonly (TopicPartition & { readonly lag: number })[];
}
