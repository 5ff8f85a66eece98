export type {
  BadRecord,
  BadRecordAction,
  BadRecordAnswer,
  BadRecordPolicy,
  ErrorPhase,
  RetryPolicy,
} from './config/bad-record-policy.js';
export type { KafkaOptions } from './config/kafka-options.js';
export { processEnvironment, resolveConfig } from './config/resolve-config.js';
export type { RuntimeConfig } from './config/runtime-config.js';
export type { StreamsOptions } from './config/streams-options.js';
export type { UncaughtAction, UncaughtContext, UncaughtPolicy } from './config/uncaught-policy.js';
export { InjectReadOnlyStore, readOnlyStoreToken } from './decorators/inject-read-only-store.decorator.js';
export type { KeyPartitioner, PartitionerName } from './log/named-partitioners.js';
export { StateStore, type StateStoreClass, type StateStoreOptions } from './decorators/state-store.decorator.js';
export {
  SendTo,
  StreamHandler,
  type SendToOptions,
  type StreamHandlerOptions,
} from './decorators/stream-handler.decorator.js';
export type { ProviderLookup, TopicName, TopicNames } from './decorators/topic-name.js';
export { StreamProcessor, type StreamProcessorOptions } from './decorators/stream-processor.decorator.js';
export { BatchTooLargeError } from './errors/batch-too-large-error.js';
export { LogError, type LogErrorKind } from './errors/log-error.js';
export { StoreCorruptedError } from './errors/store-corrupted-error.js';
export { StreamsError } from './errors/streams-error.js';
export { createKafkaLog } from './log/kafkajs/kafka-log.js';
export type { Log, PartitionOffset, TopicPartition } from './log/log.js';
export type { NewTopic, TopicDescription } from './log/log-admin.js';
export type { RecordHeader } from './log/records/record-header.js';
export type {
  OnFlush,
  OnRestoreProgress,
  OnRestored,
  OnRestoreStart,
  OnTaskClose,
  OnTaskInit,
} from './nest/lifecycle-hooks.js';
export {
  ReadOnlyStore,
  type ReadOnlyFreshness,
  type ReadOnlyGaps,
  type ReadOnlyPage,
  type ReadOnlyScan,
} from './nest/read-only-store.js';
export { RecordProducer, type OutgoingRecord, type SendOptions } from './nest/record-producer.js';
export { StreamContext } from './nest/stream-context.js';
export { StreamsHost } from './nest/streams-host.js';
export type {
  HealthEndpointOptions,
  MetricsEndpointOptions,
  QueryEndpointOptions,
  StreamsModuleExtras,
  StreamsModuleOptions,
} from './nest/streams-module-options.js';
export { StreamsServer } from './nest/streams-server.js';
export { StreamsModule, type StreamsFeature } from './nest/streams.module.js';
export { STREAMS_METRICS_PORT, STREAMS_RUNTIME } from './nest/tokens.js';
export { TopicAdmin } from './nest/topic-admin.js';
export type { StreamsMetrics } from './observability/streams-metrics.js';
export { QueryErrorFilter } from './query/http/answer/problem-filter.js';
export { QueryError } from './query/problem/query-error.js';
export {
  StreamsQueryService,
  type EntryAnswer,
  type EntryPage,
  type LookupAnswer,
  type ScanRequest,
} from './query/streams-query.service.js';
export { StreamsInstance } from './runtime/instance/streams-instance.js';
export type { InstanceState, TaskState, TaskStatus } from './runtime/instance-status.js';
export type { StreamsRuntime } from './runtime/streams-runtime.js';
export type { PauseScope } from './runtime/processing/pauses.js';
export { booleanSerde, bytesSerde, float64Serde, int32Serde, int64Serde } from './serdes/binary-serdes.js';
export { resolveSerde, type SerdeName } from './serdes/resolve-serde.js';
export type { KeyBytesRange } from './serdes/key-range.js';
export type { Serde } from './serdes/serde.js';
export { json, stringSerde } from './serdes/text-serdes.js';
export { memoryEngine } from './stores/engines/memory/memory-engine.js';
export { rocksDbEngine, type RocksDbOptions } from './stores/engines/rocksdb/rocksdb-engine-factory.js';
export { KeyValueStore, type Awaitable, type KeyValueIterator } from './stores/key-value/key-value-store.js';
export type {
  ChangelogPosition,
  CursorOptions,
  KeyBounds,
  StoreCursor,
  StoreEngine,
  StoreEngineContext,
  StoreEngineFactory,
  StoreEntries,
  StoreWrites,
} from './stores/store-engine.js';
export { SystemClock } from './time/system-clock.js';
export type { RestoreProgress, TaskContext } from './topology/processor.js';
export { TopologyBuilder } from './topology/topology-builder.js';
