import { QUERY_ERROR_CODES } from './query-error-codes.js';

/**
 * What the caller does next:
 * - `configuration`: fix it and restart;
 * - `bad-record`: the error policy decides;
 * - `retriable`: the same may succeed later;
 * - `abortable`: the transaction is aborted and its input processed again, without help;
 * - `task-migrated`: the tasks are dropped and the instance joins again, without help;
 * - `store-corrupted`: that store is wiped and restored, without help;
 * - `query`: nothing inside; who asked gets a problem document;
 * - `fatal`: the instance stops.
 */
export type ErrorFamily =
  'configuration' | 'bad-record' | 'retriable' | 'abortable' | 'task-migrated' | 'store-corrupted' | 'query' | 'fatal';

export interface ErrorCodeEntry {
  readonly family: ErrorFamily;
  readonly meaning: string;
  readonly fix: string;
}

/**
 * Every code of the library's own errors; `docs/reference/errors.md` is compared with this table by a test. Errors that a broker answers
 * have the code `LOG_` and Kafka's name beside these, and the kind that `log/client/kafka-error.ts` gives them.
 */
export const ERROR_CODES = {
  STREAMS_CONFIGURATION: {
    family: 'configuration',
    meaning: 'Options or decorators cannot work; the message lists every problem.',
    fix: 'Fix each line of the list.',
  },
  STREAMS_TOPOLOGY: {
    family: 'configuration',
    meaning:
      'Sources, processors, sinks and stores do not form a topology that can run; the message lists every problem.',
    fix: 'Fix each line of the list.',
  },
  STREAMS_TOPOLOGY_CHANGED: {
    family: 'configuration',
    meaning: 'The topology does not fit the state that an earlier version left in the state directory.',
    fix: 'Undo the change, give the store a new name, or reset the application on purpose.',
  },
  STREAMS_COPARTITION_MISMATCH: {
    family: 'configuration',
    meaning: 'Source topics that feed the same stores have different partition counts.',
    fix: 'Give the topics the same number of partitions.',
  },
  STREAMS_TOPIC_MISSING: {
    family: 'configuration',
    meaning: 'A topic that a handler reads or a sink writes does not exist.',
    fix: 'Check the spelling, or create the topic.',
  },
  STREAMS_TOPIC_CHANGED: {
    family: 'configuration',
    meaning: 'A topic was deleted, created again or enlarged while the application was running.',
    fix: 'Choose one of the ways in the message.',
  },
  STREAMS_CHANGELOG_MISMATCH: {
    family: 'configuration',
    meaning: 'An existing changelog topic has the wrong partition count or cleanup policy.',
    fix: 'Run the command that the message gives.',
  },
  STREAMS_CHANGELOG_LOST: {
    family: 'configuration',
    meaning: 'A changelog that local state was written with no longer exists, or was created again.',
    fix: 'Choose one of the ways in the message. Nothing is deleted before you do.',
  },
  STREAMS_OFFSETS_LOST: {
    family: 'configuration',
    meaning:
      'A task has state, but the group has no committed offset for its input, or one beyond the end of the topic.',
    fix: 'Choose with the option `onOffsetsLost`, or set the offsets of the group.',
  },
  STREAMS_ENGINE_UNAVAILABLE: {
    family: 'configuration',
    meaning: 'A store engine, its package, or an option of it cannot be used on this machine.',
    fix: 'Install the package or choose the engine that the message names.',
  },
  STREAMS_DISK_FULL: {
    family: 'fatal',
    meaning:
      'The disk of the state directory is full, over its quota or read-only. The instance stops; its stores are intact.',
    fix: 'Make room or move `stateDir`, then start the instance again.',
  },
  STREAMS_STATE_DIRECTORY: {
    family: 'configuration',
    meaning: 'The state directory cannot be made, read or written.',
    fix: 'Fix the path or its permissions.',
  },
  STREAMS_STATE_DIRECTORY_LOCKED: {
    family: 'configuration',
    meaning: 'Another live instance uses the state directory.',
    fix: 'Stop the process that the message names, or give this instance another `stateDir`.',
  },
  STREAMS_STORE_LOCKED: {
    family: 'configuration',
    meaning: 'The folder of a store is open already.',
    fix: 'Close its other user, or give this instance another `stateDir`.',
  },
  STREAMS_STORE_NOT_DECLARED: {
    family: 'configuration',
    meaning: 'A processor asked for a store that it did not declare.',
    fix: 'Connect the store to the processor.',
  },
  STREAMS_STORE_OUTSIDE_TASK: {
    family: 'configuration',
    meaning: 'A store is used or injected where there is no task.',
    fix: 'Inject it into a stream processor only, or use `@InjectReadOnlyStore`.',
  },
  STREAMS_HANDLER_TIMEOUT: {
    family: 'bad-record',
    meaning: 'A handler took too long for a record: the message names the option that limits it.',
    fix: 'Make the handler faster, or raise the option that the message names.',
  },
  STREAMS_LATE_WORK: {
    family: 'configuration',
    meaning:
      'A handler wrote to a store, forwarded, or requested a commit after it had returned, so no commit would cover it.',
    fix: 'Await everything that the handler starts before it returns.',
  },
  STREAMS_STORE_KEY_PARTITION: {
    family: 'configuration',
    meaning: 'A handler wrote a key that belongs to another partition of the store, where queries look for it.',
    fix: 'Set `partitionBy`, `partitioner` or `lookup` of `@StateStore`, or process a topic keyed by that key.',
  },
  STREAMS_ROCKSDB: {
    family: 'fatal',
    meaning: 'RocksDB failed for a reason that is neither damage nor a lock, a full disk for example.',
    fix: 'Read the reason in the message; free space or repair the disk.',
  },
  STREAMS_STORE_CLOSED: {
    family: 'fatal',
    meaning: 'A store is used after its task was closed.',
    fix: 'Do not keep stores or iterators beyond the handler; await what the handler starts.',
  },
  STREAMS_SERDE: {
    family: 'bad-record',
    meaning: 'A serde refused a value or bytes.',
    fix: 'Fix the data or the serde.',
  },
  STREAMS_DESERIALIZATION_FAILED: {
    family: 'bad-record',
    meaning: 'A record could not be decoded, and the policy is `fail`.',
    fix: 'Fix the serde, or set `errors.deserialization`.',
  },
  STREAMS_PROCESSING_FAILED: {
    family: 'bad-record',
    meaning: 'A handler threw, and the policy is `fail`.',
    fix: 'Fix the handler, or set `errors.processing`.',
  },
  STREAMS_PRODUCTION_FAILED: {
    family: 'bad-record',
    meaning:
      'A handler sent a record that can never be written: its serde refuses it, it is larger than its topic allows, or it lacks the key that a compacted topic needs.',
    fix: 'Fix the handler or the topic, or set `errors.production`.',
  },
  STREAMS_LOG_UNAVAILABLE: {
    family: 'retriable',
    meaning: 'No broker answered in time.',
    fix: 'Check `kafka.brokers`, TLS, SASL and the network.',
  },
  STREAMS_TASK_MIGRATED: {
    family: 'task-migrated',
    meaning: 'A task belongs to another instance now.',
    fix: 'Nothing: its buffers are dropped and the instance joins again.',
  },
  STREAMS_STORE_CORRUPTED: {
    family: 'store-corrupted',
    meaning: 'An engine reports damage, or its position lies outside the changelog.',
    fix: 'Nothing: the store is wiped and restored. If it repeats, check the disk.',
  },
  STREAMS_APPLICATION_SHUTDOWN: {
    family: 'fatal',
    meaning: 'An error met the policy `shutdownApplication`.',
    fix: 'Fix the cause, and start the instances again.',
  },
  STREAMS_INSTANCE_FENCED: {
    family: 'fatal',
    meaning: 'Another process took over this instance id.',
    fix: 'Give every instance an `instanceId` and a `stateDir` of its own.',
  },
  STREAMS_GROUP_PROTOCOL: {
    family: 'fatal',
    meaning: 'A member of the group speaks a version of the assignment protocol that this one does not know.',
    fix: 'Finish the upgrade: run one version on all instances.',
  },
  STREAMS_ILLEGAL_TRANSITION: {
    family: 'fatal',
    meaning: 'A state machine was asked for a step that it does not have.',
    fix: 'Report it: this is a defect of the library.',
  },
  ...QUERY_ERROR_CODES,
  STREAMS_PAUSE_SCOPE: {
    family: 'query',
    meaning: 'What is to be paused or resumed does not exist in the topology.',
    fix: 'Name one of those that the message lists.',
  },
  LOG_CONNECTION: {
    family: 'retriable',
    meaning: 'A broker could not be reached, broke the connection off, or did not answer in time.',
    fix: 'Nothing while it passes: the request is repeated. If it stays, check `kafka.brokers`, TLS and the network.',
  },
  LOG_AUTHENTICATION: {
    family: 'fatal',
    meaning: 'A broker refuses the credentials or the SASL mechanism.',
    fix: 'Correct `kafka.sasl`.',
  },
  LOG_COORDINATOR: {
    family: 'retriable',
    meaning: 'No broker could be named that coordinates the group or the transactional id.',
    fix: 'Nothing while it passes. If it stays, read the name of the Kafka error in the message, often a missing permission.',
  },
  LOG_DELIVERY_TIMEOUT: {
    family: 'abortable',
    meaning: 'Records were not acknowledged in time.',
    fix: 'Nothing: inside a transaction they are produced again. If it repeats, look at the brokers and at `min.insync.replicas`.',
  },
  LOG_CLOSED: {
    family: 'retriable',
    meaning: 'A client of the log was closed while the call was under way, or before it.',
    fix: 'Nothing when the instance stops. Otherwise do not use clients that you have closed.',
  },
  LOG_INSTANCE_ENDED: {
    family: 'fatal',
    meaning:
      'A record was to be sent, or a topic administered, by an application whose instance has failed or was stopped.',
    fix: 'Mend what the instance failed of, which is the cause of the error, and start the application again.',
  },
  LOG_NOT_A_MEMBER: {
    family: 'task-migrated',
    meaning: 'Something asked for membership in the group, and this instance is in no generation of it.',
    fix: 'Nothing: it commits after it has joined again.',
  },
  LOG_NOT_INITIALISED: {
    family: 'fatal',
    meaning: 'A transactional producer was used before it had taken over its id.',
    fix: 'Await `init()` first.',
  },
  LOG_OFFSET_OUT_OF_RANGE: {
    family: 'fatal',
    meaning: 'A position lies outside its partition. One beyond the end is decided by `onOffsetsLost`.',
    fix: 'Look at the retention of the topic, and whether it was deleted and created again.',
  },
  LOG_CORRUPT_MESSAGE: {
    family: 'fatal',
    meaning: 'A batch of records cannot be decoded, or a broker found one damaged.',
    fix: 'Read on from a later offset, or repair the topic.',
  },
  LOG_BATCH_TOO_LARGE: {
    family: 'bad-record',
    meaning:
      'A compressed batch takes more than `memory.batchMaxBytes` when it is decompressed. In a source `errors.deserialization` decides about the whole batch; in a changelog the instance stops.',
    fix: 'Raise `memory.batchMaxBytes` if the batch is legal. Otherwise find its producer, and skip the batch.',
  },
  LOG_KAFKAJS_UNSUPPORTED: {
    family: 'configuration',
    meaning: 'The installed kafkajs is not the one that the library builds on.',
    fix: 'Install the version that the message names.',
  },
  LOG_STORAGE: {
    family: 'fatal',
    meaning: 'The embedded log cannot read or write its folder.',
    fix: 'Free space or repair the disk; if its files are damaged, delete the folder.',
  },
  LOG_LOCKED: {
    family: 'configuration',
    meaning: 'Another process uses the folder of the embedded log.',
    fix: 'Stop that process, or give this one another `embedded.directory`.',
  },
  LOG_UNKNOWN: {
    family: 'fatal',
    meaning:
      'A client of the log failed in a way, or a broker answered with an error, that this library does not know.',
    fix: 'Read the message; it holds the number of the Kafka error or the cause.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;

export type StreamsErrorCode = keyof typeof ERROR_CODES;
