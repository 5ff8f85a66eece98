import type { CompressionCodec } from '../log/log-producer.js';
import type { BadRecordPolicy } from './bad-record-policy.js';
import type { ByteSize } from './byte-size.js';
import type { Duration } from './duration.js';
import type { KafkaOptions } from './kafka-options.js';
import type { PeerOptions } from './peer-options.js';
import type { OffsetsLostPolicy, ProcessingGuarantee } from './runtime-config.js';
import type { UncaughtPolicy } from './uncaught-policy.js';

/** What a user configures; `docs/reference/options.md` lists it, and `option-table.ts` holds defaults and ranges. */
export interface StreamsOptions {
  /** Consumer group, prefix of internal topics and transactional ids, and folder of the state. Required. */
  readonly applicationId: string;
  /** Names this instance and makes its membership static. Default: generated once and kept in the state directory. */
  readonly instanceId?: string;
  /** The cluster. Without it the embedded log is used. */
  readonly kafka?: KafkaOptions;
  /** Settings of the embedded log; not together with `kafka`. */
  readonly embedded?: EmbeddedLogOptions;
  /** Where state is kept; each instance needs one of its own. Default `./.streams`. */
  readonly stateDir?: string;
  /** Where other instances and clients reach this one's REST endpoints, for example `http://10.0.0.7:3000`. */
  readonly advertisedUrl?: string;
  /** Default `exactly_once`. */
  readonly processingGuarantee?: ProcessingGuarantee;
  /** When state exists but the committed offsets do not, or lie beyond the end of the topic. Default `fail`. */
  readonly onOffsetsLost?: OffsetsLostPolicy;
  /**
   * From the end of a commit to the next, under both guarantees. While records wait it is as long as the commit took, up to four times this and half of
   * `transactionTimeout`. Default 100 ms.
   */
  readonly commitInterval?: Duration;
  readonly memory?: MemoryOptions;
  readonly group?: GroupOptions;
  /** After this the broker aborts the open transaction of a dead instance. Default 10 s. */
  readonly transactionTimeout?: Duration;
  /** Of changelog and output records. Default `none`. */
  readonly compression?: CompressionCodec;
  readonly internalTopics?: InternalTopicOptions;
  readonly restore?: RestoreOptions;
  readonly errors?: ErrorOptions;
  /** How long the state of a task stays on disk after the task moved away. Default 10 min. */
  readonly stateCleanupDelay?: Duration;
  /** Freeze what stores take and return, so that a mutation fails loudly. Default: unless NODE_ENV is `production`. */
  readonly freezeValues?: boolean;
  /** Longest stretch of processing, in milliseconds, before the event loop gets its turn. Default 5. */
  readonly sliceMs?: number;
  /** Copies of each store on other instances, as far as there are others; they follow the changelog and take over without a restore. Default 1. */
  readonly standbyReplicas?: number;
  /** A copy that lacks no more changelog records than this counts as ready to take over. Default 10,000. */
  readonly acceptableRecoveryLag?: number;
  /** Tasks that may be copied at a time before they move to balance the load. Default 2. */
  readonly maxWarmupReplicas?: number;
  /** While tasks wait to move, the assignment is looked at again after this, also where no copy says that it is ready. Default 10 min. */
  readonly probingRebalanceInterval?: Duration;
  /** How long an asynchronous handler may take for a record before `errors.processing` decides about the record. Default: no limit. */
  readonly handlerTimeout?: Duration;
  /** How often source and output topics are looked at for new partitions, and for topics that are gone. Default 5 min. */
  readonly metadataMaxAge?: Duration;
  /** Weight of this instance when tasks are shared out: with 2 it gets twice the tasks of one with 1. Default 1. */
  readonly capacity?: number;
  /** Where this instance runs, for example `{ zone: 'eu-1a' }`; at most 5 tags. Default: none. */
  readonly rackTags?: Readonly<Record<string, string>>;
  /** Tags of `rackTags` in which the copies of a task are to differ; the same on all instances. Default: none. */
  readonly rackAwareTags?: readonly string[];
  /** How instances answer queries for each other. Default: they do not. */
  readonly peers?: PeerOptions;
  /** Engine of stores that name none. Default `rocksdb`. */
  readonly defaultEngine?: string;
}

export interface EmbeddedLogOptions {
  /** Keeps the log in this folder. Default: in memory, gone with the process. */
  readonly directory?: string;
  /** Topics that exist from the start; one that is there already stays as it is. */
  readonly topics?: Readonly<
    Record<string, { readonly partitions: number; readonly config?: Readonly<Record<string, string>> }>
  >;
}

export interface MemoryOptions {
  /** All of it: buffers, engine caches, input queues, restore buffers. Default: a quarter of the container's limit or the machine's memory. */
  readonly maxBytes?: ByteSize;
  /** Write-back buffers of all stores together. Default 64 MiB, or half of `maxBytes` if that is less. */
  readonly cacheMaxBytes?: ByteSize;
  /** Uncommitted changes above which a commit is forced. Default: `cacheMaxBytes`, at least 1 MiB. */
  readonly uncommittedMaxBytes?: ByteSize;
  /** Fetched, unprocessed records. Default 32 MiB, or a quarter of `maxBytes` if that is less. */
  readonly inputMaxBytes?: ByteSize;
  /** One compressed batch once it is decompressed, 36 bytes for each of its records included. Default 64 MiB, or twice `inputMaxBytes` if that is more. */
  readonly batchMaxBytes?: ByteSize;
}

export interface GroupOptions {
  /** After this without heartbeat an instance counts as dead. Default 10 s. */
  readonly sessionTimeout?: Duration;
  /** Default 3 s; at most half of the session time-out. */
  readonly heartbeatInterval?: Duration;
  /** Longest time a member may take to commit and join again. Default 60 s. */
  readonly rebalanceTimeout?: Duration;
}

export interface InternalTopicOptions {
  /** Default -1: the broker's default. */
  readonly replicationFactor?: number;
}

export interface RestoreOptions {
  /** Bytes of one fetch of one changelog partition. Default 4 MiB. */
  readonly fetchMaxBytes?: ByteSize;
  /** What restores and standbys of this instance read from changelogs in all, so that they leave the network and the disk to processing. Default: no limit. */
  readonly maxBytesPerSecond?: ByteSize;
  /** Time between two reports of progress. Default 1 s. */
  readonly progressInterval?: Duration;
}

export interface ErrorOptions {
  /** For records whose key or value the serde refuses. Default `fail`. */
  readonly deserialization?: BadRecordPolicy;
  /** For records whose handler throws. Default `fail`. */
  readonly processing?: BadRecordPolicy;
  /** For records whose handler sends what cannot be written: refused by a serde, or too large for its topic. Default `fail`. */
  readonly production?: BadRecordPolicy;
  /** After errors that nothing else took, the policy `fail` among them. Default `shutdownInstance`. */
  readonly uncaught?: UncaughtPolicy;
  /** Required by the policy `deadLetter`. */
  readonly deadLetterTopic?: string;
  /** Whether dead letters carry the stack of the error. Default false. */
  readonly deadLetterStack?: boolean;
}
