import type { CompressionCodec } from '../log/log-producer.js';
import type { BadRecordPolicy } from './bad-record-policy.js';
import type { PeerConfig } from './peer-options.js';
import type { UncaughtPolicy } from './uncaught-policy.js';

export type ProcessingGuarantee = 'exactly_once' | 'at_least_once';

/**
 * - `fail`: the instance stops with `STREAMS_OFFSETS_LOST`, which spells out the choice;
 * - `earliest`: the state is kept, and all input is processed again on top of it;
 * - `latest`: the state is kept, and the input up to now is skipped;
 * - `reset`: the state of the task is deleted, its changelogs get tombstones, and all input is processed.
 */
export type OffsetsLostPolicy = 'fail' | 'earliest' | 'latest' | 'reset';

/** Everything the runtime needs to know, checked and with defaults filled in by `resolveConfig`. Durations in ms, sizes in bytes. */
export interface RuntimeConfig {
  readonly applicationId: string;
  /** Names this instance in the group, the transactional id and log lines; kept in the state directory when the user gives none. */
  readonly instanceId: string;
  /** The user asked for static membership by giving `instanceId`. */
  readonly isStaticMember: boolean;
  readonly stateDir: string;
  /** Where other instances and clients reach this one's REST endpoints. */
  readonly advertisedUrl: string | undefined;
  readonly processingGuarantee: ProcessingGuarantee;
  /** What to do when state exists and the committed offsets do not. */
  readonly onOffsetsLost: OffsetsLostPolicy;
  readonly commitIntervalMs: number;
  readonly memory: MemoryConfig;
  readonly group: GroupConfig;
  readonly transactionTimeoutMs: number;
  readonly compression: CompressionCodec;
  readonly internalTopics: InternalTopicConfig;
  readonly restore: RestoreConfig;
  readonly errors: ErrorConfig;
  readonly stateCleanupDelayMs: number;
  readonly standbyReplicas: number;
  readonly acceptableRecoveryLag: number;
  readonly maxWarmupReplicas: number;
  readonly probingRebalanceIntervalMs: number;
  /** How long an asynchronous handler may take for a record; undefined: without limit. */
  readonly handlerTimeoutMs: number | undefined;
  /** Time between two looks at the source and output topics. */
  readonly metadataMaxAgeMs: number;
  readonly capacity: number;
  readonly rackTags: Readonly<Record<string, string>>;
  readonly rackAwareTags: readonly string[];
  readonly peers: PeerConfig;
  /** Freeze what stores return and take, so that a mutation fails loudly. Default: outside production. */
  readonly freezeValues: boolean;
  /** Longest stretch of processing or restoring before the event loop gets its turn. Default 5. */
  readonly sliceMs: number;
}

export interface MemoryConfig {
  /** All of it: buffers, engine caches, input queues, restore buffers. */
  readonly maxBytes: number;
  /** The share of the write-back buffers, divided over the stores of the assigned tasks. */
  readonly cacheMaxBytes: number;
  /** Uncommitted changes and outputs above which a commit is forced. */
  readonly uncommittedMaxBytes: number;
  /** Fetched, unprocessed records: half of it in the reader, half in the queues of the tasks. */
  readonly inputMaxBytes: number;
  /** One compressed batch once it is decompressed, 36 bytes for each of its records included. */
  readonly batchMaxBytes: number;
}

export interface GroupConfig {
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
}

export interface InternalTopicConfig {
  /** -1: the broker's default. */
  readonly replicationFactor: number;
}

export interface RestoreConfig {
  readonly fetchMaxBytes: number;
  /** Of restores and standbys together; Infinity: no limit. */
  readonly maxBytesPerSecond: number;
  /** How often progress is reported to hooks, logs and metrics. */
  readonly progressIntervalMs: number;
}

export interface ErrorConfig {
  /** A record whose key or value the serde refuses. */
  readonly deserialization: BadRecordPolicy;
  /** A record whose handler throws. */
  readonly processing: BadRecordPolicy;
  /** A record whose handler sends what cannot be written. */
  readonly production: BadRecordPolicy;
  /** An error that nothing else took. */
  readonly uncaught: UncaughtPolicy;
  /** Required by the policy `deadLetter`. */
  readonly deadLetterTopic: string | undefined;
  readonly deadLetterStack: boolean;
}
