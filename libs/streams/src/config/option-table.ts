import { KAFKA_DEFAULTS } from './kafka-options.js';

/** How an option is read. */
export type OptionType =
  | 'string'
  | 'boolean'
  | 'integer'
  | 'duration'
  | 'size'
  | 'policy'
  | 'uncaught'
  | 'strings'
  | 'function'
  | 'serde'
  | 'list'
  | 'ssl'
  | 'sasl'
  | 'topics'
  | 'readiness'
  | 'changelog'
  | 'prefetch'
  /** Checked by whoever uses it. */
  | 'other'
  | readonly string[];

export interface OptionDefinition {
  readonly type: OptionType;
  /** As the docs print it. */
  readonly default: string;
  readonly meaning: string;
  readonly min?: number;
  readonly max?: number;
}

const GUARANTEES = ['exactly_once', 'at_least_once'] as const;
const OFFSET_POLICIES = ['fail', 'earliest', 'latest', 'reset'] as const;
const CODECS = ['none', 'gzip', 'snappy', 'lz4'] as const;

/** Every option of `StreamsOptions` by its path; `docs/reference/options.md` is compared with this table by a test. */
export const OPTION_TABLE = {
  applicationId: {
    type: 'string',
    default: 'required',
    meaning: 'Consumer group, prefix of internal topics and transactional ids, folder of the state.',
  },
  instanceId: {
    type: 'string',
    default: 'generated, kept in the state directory',
    meaning: 'Names this instance and makes its membership static.',
  },
  'kafka.brokers': {
    type: 'strings',
    default: 'required with `kafka`',
    meaning: '`host:port` of some brokers. Without `kafka` the embedded log is used.',
  },
  'kafka.addresses': {
    type: 'other',
    default: 'none',
    meaning: '`host:port` to use, by the `host:port` that a broker announces (`advertised.listeners`).',
  },
  'kafka.ssl': { type: 'ssl', default: '`false`', meaning: '`true`, or options of `tls.connect`.' },
  'kafka.sasl': {
    type: 'sasl',
    default: 'none',
    meaning:
      '`mechanism` plain, scram-sha-256 or scram-sha-512 with `username` and `password`, or oauthbearer with `oauthBearerProvider`.',
  },
  'kafka.connectionTimeoutMs': {
    type: 'integer',
    default: String(KAFKA_DEFAULTS.connectionTimeoutMs),
    meaning: 'Time to connect to a broker.',
    min: 1,
    max: 2_147_483_647,
  },
  'kafka.requestTimeoutMs': {
    type: 'integer',
    default: String(KAFKA_DEFAULTS.requestTimeoutMs),
    meaning: 'Time for a broker to answer.',
    min: 1,
    max: 2_147_483_647,
  },
  'kafka.clientId': {
    type: 'string',
    default: `\`${KAFKA_DEFAULTS.clientId}\``,
    meaning: 'Prefix of the client ids that brokers log and put quotas on.',
  },
  'embedded.directory': {
    type: 'string',
    default: 'in memory',
    meaning: 'Folder of the embedded log. Not together with `kafka`.',
  },
  'embedded.topics': {
    type: 'topics',
    default: 'none',
    meaning: 'Topics of the embedded log that exist from the start, by name: `{ partitions, config? }`.',
  },
  stateDir: {
    type: 'string',
    default: '`./.streams`',
    meaning: 'Where state is kept; each instance needs one of its own.',
  },
  advertisedUrl: {
    type: 'string',
    default: 'none',
    meaning: "Where other instances and clients reach this one's REST endpoints.",
  },
  processingGuarantee: { type: GUARANTEES, default: '`exactly_once`', meaning: 'See the guarantees page.' },
  onOffsetsLost: {
    type: OFFSET_POLICIES,
    default: '`fail`',
    meaning: 'When state exists but the committed offsets do not, or lie beyond the end of the topic.',
  },
  commitInterval: {
    type: 'duration',
    default: '`100ms`',
    meaning:
      'From the end of a commit to the next; while records wait as long as it took, up to four times this and half of `transactionTimeout`.',
    min: 1,
    max: 3_600_000,
  },
  'memory.maxBytes': {
    type: 'size',
    default: "a quarter of the container's limit",
    meaning: 'All of it: buffers, engine caches, input queues, restore buffers.',
    min: 8 * 2 ** 20,
  },
  'memory.cacheMaxBytes': {
    type: 'size',
    default: '`64MB`, at most half of `memory.maxBytes`',
    meaning: 'Write-back buffers of all stores together.',
    min: 0,
  },
  'memory.uncommittedMaxBytes': {
    type: 'size',
    default: 'the larger of `memory.cacheMaxBytes` and `1MB`',
    meaning: 'Uncommitted changes and outputs above which a commit is forced.',
    min: 1024,
  },
  'memory.inputMaxBytes': {
    type: 'size',
    default: '`32MB`, at most a quarter of `memory.maxBytes`',
    meaning:
      'Fetched, unprocessed records, half of it before and half after they are decompressed; beyond each half one chunk (256 KiB, or one larger batch) of each partition.',
    min: 64 * 1024,
  },
  'memory.batchMaxBytes': {
    type: 'size',
    default: '`64MB`, at least twice `memory.inputMaxBytes`',
    meaning:
      'What one compressed batch may take once it is decompressed, with 36 bytes for each of its records. A larger one goes to `errors.deserialization` as a whole.',
    min: 2 ** 20,
    max: 2 ** 30,
  },
  'group.sessionTimeout': {
    type: 'duration',
    default: '`10s`',
    meaning: 'After this without heartbeat an instance counts as dead.',
    min: 1000,
    max: 1_800_000,
  },
  'group.heartbeatInterval': {
    type: 'duration',
    default: '`1s`',
    meaning: 'Time between heartbeats, by which instances learn of a rebalance; at most half of the session time-out.',
    min: 100,
    max: 600_000,
  },
  'group.rebalanceTimeout': {
    type: 'duration',
    default: '`60s`',
    meaning: 'Longest time a member may take to commit and join again.',
    min: 1000,
    max: 3_600_000,
  },
  transactionTimeout: {
    type: 'duration',
    default: '`10s`',
    meaning: 'After this the broker aborts the open transaction of a dead instance; longer than the commit interval.',
    min: 1000,
    max: 900_000,
  },
  compression: { type: CODECS, default: '`none`', meaning: 'Of changelog and output records.' },
  'internalTopics.replicationFactor': {
    type: 'integer',
    default: "`-1`, the broker's default",
    meaning: 'Of changelog topics.',
    min: -1,
    max: 32_767,
  },
  'restore.fetchMaxBytes': {
    type: 'size',
    default: '`4MB`',
    meaning: 'Bytes of one fetch of one changelog partition.',
    min: 1024,
    max: 2 ** 30,
  },
  'restore.maxBytesPerSecond': {
    type: 'size',
    default: 'no limit',
    meaning: 'What restores and standbys of this instance read from changelogs in all.',
    min: 1024,
  },
  'restore.progressInterval': {
    type: 'duration',
    default: '`1s`',
    meaning: 'Time between two reports of progress.',
    min: 10,
    max: 3_600_000,
  },
  'errors.deserialization': {
    type: 'policy',
    default: '`fail`',
    meaning: '`fail`, `continue`, `deadLetter`, retries or a function, for records that the serde refuses.',
  },
  'errors.processing': {
    type: 'policy',
    default: '`fail`',
    meaning: '`fail`, `continue`, `deadLetter`, retries or a function, for records whose handler throws.',
  },
  'errors.production': {
    type: 'policy',
    default: '`fail`',
    meaning: 'The same, for records whose handler sends what cannot be written.',
  },
  'errors.uncaught': {
    type: 'uncaught',
    default: '`shutdownInstance`',
    meaning:
      'After errors that nothing else took: `replaceTask`, `shutdownInstance`, `shutdownApplication` or a function.',
  },
  'errors.deadLetterTopic': { type: 'string', default: 'none', meaning: 'Required by the policy `deadLetter`.' },
  'errors.deadLetterStack': {
    type: 'boolean',
    default: '`false`',
    meaning: 'Whether dead letters carry the stack of the error.',
  },
  handlerTimeout: {
    type: 'duration',
    default: 'no limit',
    meaning: 'How long an asynchronous handler may take for a record before `errors.processing` decides about it.',
    min: 10,
    max: 2_147_483_647,
  },
  stateCleanupDelay: {
    type: 'duration',
    default: '`10m`',
    meaning: 'How long the state of a task stays on disk after the task moved away.',
    min: 0,
    max: 2_147_483_647,
  },
  freezeValues: {
    type: 'boolean',
    default: 'unless `NODE_ENV=production`',
    meaning: 'Freeze what stores take and return, so that a mutation fails loudly.',
  },
  sliceMs: {
    type: 'integer',
    default: '5',
    meaning: 'Longest stretch of processing before the event loop gets its turn.',
    min: 1,
    max: 1000,
  },
  standbyReplicas: {
    type: 'integer',
    default: '1',
    meaning: 'Copies of each store on other instances, as far as there are others.',
    min: 0,
    max: 100,
  },
  acceptableRecoveryLag: {
    type: 'integer',
    default: '10000',
    meaning: 'A copy that lacks no more changelog records than this counts as ready to take over.',
    min: 0,
  },
  maxWarmupReplicas: {
    type: 'integer',
    default: '2',
    meaning: 'Tasks that may be copied at a time before they move to balance the load.',
    min: 1,
  },
  probingRebalanceInterval: {
    type: 'duration',
    default: '`10m`',
    meaning: 'While tasks wait to move, the assignment is looked at again after this.',
    min: 1000,
    max: 2_147_483_647,
  },
  metadataMaxAge: {
    type: 'duration',
    default: '`5m`',
    meaning: 'How often source and output topics are looked at for new partitions, and for topics that are gone.',
    min: 1000,
    max: 86_400_000,
  },
  capacity: {
    type: 'integer',
    default: '1',
    meaning: 'Weight of this instance when tasks are shared out.',
    min: 1,
    max: 10_000,
  },
  rackTags: {
    type: 'other',
    default: 'none',
    meaning: 'Where this instance runs, for example `zone`; at most 5 tags.',
  },
  rackAwareTags: {
    type: 'strings',
    default: 'none',
    meaning: 'Tags in which the copies of a task are to differ; the same on all instances.',
  },
  'peers.secret': {
    type: 'string',
    default: 'none',
    meaning: 'Signs the calls between instances; the same on all of them, at least 16 characters.',
  },
  'peers.tls': {
    type: 'other',
    default: 'none',
    meaning: '`ca`, `cert` and `key` (PEM) for calls to `https` URLs; with `cert` and without a secret, the proof.',
  },
  'peers.timeout': {
    type: 'duration',
    default: '`2s`',
    meaning: 'How long another instance may take to answer.',
    min: 10,
    max: 600_000,
  },
  'peers.heartbeatInterval': {
    type: 'duration',
    default: '`1s`',
    meaning: 'Time between two reports of what an instance holds, by which the others know its copies and their lag.',
    min: 50,
    max: 600_000,
  },
  defaultEngine: { type: 'string', default: '`rocksdb`', meaning: 'Engine of stores that name none.' },
} as const satisfies Record<string, OptionDefinition>;

export type OptionPath = keyof typeof OPTION_TABLE;
