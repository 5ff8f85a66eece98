import type { RuntimeConfig } from '../../config/runtime-config.js';
import type { GroupMember } from '../../log/group-member.js';
import type { Log } from '../../log/log.js';
import type { PartitionReader } from '../../log/partition-reader.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { StoreEngineFactory } from '../../stores/store-engine.js';
import type { Clock } from '../../time/clock.js';
import type { Topology } from '../../topology/topology.js';
import { ASSIGNMENT_PROTOCOL } from '../assignment/user-data.js';
import { badRecordPolicies } from '../records/bad-records.js';
import { AtLeastOnce } from '../commit/at-least-once.js';
import type { CommitStrategy } from '../commit/commit-strategy.js';
import { Committer } from '../commit/committer.js';
import { transactionalIdOf } from '../commit/transactional-id.js';
import { ExactlyOnce } from '../commit/exactly-once.js';
import type { QueryableStore } from '../instance-status.js';
import { ByteRate } from '../restore/byte-rate.js';
import { Restorer } from '../restore/restorer.js';
import { StandbyFollower } from '../restore/standby-follower.js';
import type { StateDirectory } from '../state-directory/state-directory.js';
import { StrategyOutput } from '../records/strategy-output.js';
import { misplacedKeys } from '../task/misplaced-keys.js';
import { BegunSources } from '../task/begun-sources.js';
import { ChangelogReset } from '../task/changelog-reset.js';
import { TaskFactory } from '../task/task-factory.js';
import { GroupAssignment } from '../group/group-assignment.js';
import type { KnownChangelogs } from './known-changelogs.js';
import { groupCallbacks } from '../group/group-callbacks.js';
import { GroupSeal } from '../group/group-seal.js';
import { localStores } from './local-stores.js';
import { DepartedInstances } from '../group/departed-instances.js';
import type { Courtesy } from '../courtesy.js';
import { ErrorOrigins } from '../error-origins.js';
import type { Farewell } from './farewell.js';
import { PartitionOwners } from '../group/partition-owners.js';
import { probing } from '../group/probing.js';
import type { ReadableListener } from '../readable-changes.js';
import { QuickTasks } from '../group/quick-tasks.js';
import { Tenures } from '../group/tenures.js';
import type { Pauses } from '../processing/pauses.js';
import { skipDeletedRecords } from '../processing/deleted-records.js';
import { longestRestMs } from '../processing/longest-rest.js';
import { ProcessingLoop } from '../processing/processing-loop.js';
import { Recovery } from '../processing/recovery.js';
import { UncaughtErrors } from '../processing/uncaught-errors.js';
import { UncommittedLimit } from '../processing/uncommitted-limit.js';
import { TaskInput } from '../processing/task-input.js';
import { StartPositions } from '../task/start-positions.js';
import { TaskManager } from '../task/task-manager.js';
import { engineShare } from './engine-share.js';
import type { TopicLayout } from './topic-setup.js';
import { TopicWatch } from './topic-watch.js';
import { handlerLimits, SlowRecords } from '../records/slow-records.js';
import { OutputTopics } from '../records/output-topics.js';

/** A partition that begins to run waits for the fetch that is parked for the others. */
const SOURCE_WAIT_MS = 100;

/** A chunk is decoded, and its keys are looked up, in one go: some milliseconds for this much (bench `query`, beside processing). */
const SOURCE_CHUNK_BYTES = 256 * 1024;
const BATCH_BYTES = 512 * 1024;

/** What an instance is given. It closes the log; the rest belongs to the caller. */
export interface StreamsInstanceOptions {
  readonly config: RuntimeConfig;
  readonly topology: Topology;
  readonly log: Log;
  /** By name; those that the topology's stores name are prepared at the start. */
  readonly engines: ReadonlyMap<string, StoreEngineFactory>;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
}

/** How the parts tell the instance what happened. */
export interface InstanceEvents {
  readonly onFailure: (error: unknown) => void;
  readonly onFatal: (error: Error) => void;
  /** The policy `shutdownApplication` was met; `onFailure` follows. */
  readonly onShutdownApplication: (reason: string) => void;
  /** Another instance asked all of them to stop. */
  readonly onShutdown: (reason: string) => void;
  readonly onRebalance: (isOver: boolean) => void;
  readonly onTasksChanged: () => void;
  /** As `StreamsRuntime.onReadableChange`. */
  readonly onReadableChange: ReadableListener;
  /** False once the instance has failed: what its tasks hold may be half of a record's work. */
  readonly mayCommit: () => boolean;
  readonly stopping: AbortSignal;
}

/** What runs between a start and a stop. */
export interface InstanceParts extends KnownChangelogs {
  readonly topicWatch: TopicWatch;
  readonly begun: BegunSources;
  readonly tasks: TaskManager;
  readonly stores: ReadonlyMap<string, QueryableStore>;
  readonly loop: ProcessingLoop;
  readonly member: GroupMember;
  readonly strategy: CommitStrategy;
  readonly reader: PartitionReader;
  readonly restorer: Restorer;
  readonly follower: StandbyFollower;
  readonly tenures: Tenures;
  readonly owners: PartitionOwners;
  readonly committer: Committer;
}

/** Of the session time-out, which the leader may spend on its look at the changelogs. */
const REBALANCE_SHARE = 10;

/** Wires the parts of a running instance; nothing is sent before the strategy is opened and the member joins. */
export function assembleParts(
  options: StreamsInstanceOptions,
  layout: TopicLayout,
  { changelogs, currency }: KnownChangelogs,
  directory: StateDirectory,
  storedTasks: () => readonly `${number}_${number}`[],
  farewell: Farewell,
  pauses: Pauses,
  courtesy: Courtesy,
  events: InstanceEvents,
): InstanceParts {
  const { config, topology, log, engines, clock, logger, metrics } = options;
  const { applicationId, instanceId, memory } = config;
  const { batchMaxBytes } = memory;
  // One half waits in the reader, one in the queues of the tasks.
  const inputShare = Math.floor(memory.inputMaxBytes / 2);
  const transactionalId = (instance: string): string => transactionalIdOf(applicationId, instance);
  const strategy = openStrategy(log, config, layout, transactionalId(instanceId), () => member);
  const reader = log.openReader({
    role: 'source',
    isolation: config.processingGuarantee === 'exactly_once' ? 'read_committed' : 'read_uncommitted',
    partitionMaxBytes: SOURCE_CHUNK_BYTES,
    prefetchMaxBytes: inputShare,
    batchMaxBytes,
    maxWaitMs: SOURCE_WAIT_MS,
  });
  const rate = new ByteRate(config.restore.maxBytesPerSecond, clock);
  const restoring = { log, changelogs, currency, config: config.restore, batchMaxBytes, rate, clock, logger, metrics };
  const restorer = new Restorer(restoring);
  const follower = new StandbyFollower({
    ...restoring,
    acceptableRecoveryLag: config.acceptableRecoveryLag,
    onReady: () => {
      if (tenures.live?.isWarmingUp) member.requestRejoin();
    },
    onProgress: events.onReadableChange,
    onFailure: events.onFailure,
  });
  const owners = new PartitionOwners(instanceId);
  const tenures = new Tenures();
  const departed = new DepartedInstances({
    log,
    transactionalIdOf: transactionalId,
    transactionTimeoutMs: config.transactionTimeoutMs,
    clock,
    logger,
    signal: events.stopping,
  });
  const seal = new GroupSeal({ applicationId, instanceId, secret: config.peers.secret, clock, logger });
  const assignment = new GroupAssignment(topology, layout.taskCounts, config, logger, (text) => seal.openReason(text));
  const origins = new ErrorOrigins();
  const output = new StrategyOutput(strategy, () => tasks.tenure);
  const slowRecords = new SlowRecords(handlerLimits(config), logger);
  const outputTopics = new OutputTopics({
    limits: layout.topicLimits,
    partitionCounts: layout.partitionCounts,
    compression: config.compression,
    admin: log.admin,
    clock,
    logger,
    signal: events.stopping,
  });
  const factory = new TaskFactory({
    applicationId,
    topology,
    engines,
    directory,
    taskCounts: layout.taskCounts,
    outputTopics,
    engineMemoryMaxBytes: engineShare(options, layout),
    freezeValues: config.freezeValues,
    output,
    origins,
    clock,
    slowRecords,
    badRecords: badRecordPolicies({
      applicationId,
      errors: config.errors,
      output,
      deadLetterTopic: outputTopics.get(config.errors.deadLetterTopic ?? ''),
      logger,
      metrics,
    }),
    pauses,
    onMisplacedKey: misplacedKeys(logger, metrics),
    onDamage: (error) => tasks.damaged(error),
  });
  const input: TaskInput = new TaskInput(reader, inputShare, (queue) => {
    skipDeletedRecords(queue, {
      admin: log.admin,
      reader,
      input,
      loop,
      clock,
      signal: events.stopping,
      logger,
      metrics,
    }).catch(events.onFailure);
  });
  const committer = new Committer({
    strategy,
    outputTopics,
    courtesy,
    clock,
    metrics,
    onCommitted: () => events.onReadableChange(undefined),
  });
  const begun = new BegunSources(directory, clock);
  const tasks: TaskManager = new TaskManager({
    factory,
    assignment,
    restorer,
    follower,
    input,
    directory,
    positions: new StartPositions({
      groupId: applicationId,
      policy: config.onOffsetsLost,
      log,
      member: () => member,
      restorer,
      begun,
      reset: new ChangelogReset({ config, log, member: () => member, clock, logger }),
      clock,
      logger,
      metrics,
    }),
    loop: () => loop,
    cacheMaxBytes: memory.cacheMaxBytes,
    clock,
    logger,
    metrics,
    onFailure: events.onFailure,
    onChange: events.onTasksChanged,
  });
  const recovery = new Recovery({
    applicationId,
    instanceId,
    committer,
    strategy,
    outputTopics,
    tasks,
    slowRecords,
    rejoin: () => member.requestRejoin(),
    clock,
    logger,
    metrics,
    uncaught: new UncaughtErrors({ policy: config.errors.uncaught, clock, logger }),
    origins,
    onFailure: events.onFailure,
    onShutdownApplication: events.onShutdownApplication,
    signal: events.stopping,
  });
  const loop: ProcessingLoop = new ProcessingLoop({
    reader,
    input,
    committer,
    runningTasks: () => tasks.active,
    tenure: () => tasks.tenure,
    commitIntervalMs: config.commitIntervalMs,
    longestRestMs: longestRestMs(config),
    uncommittedLimit: new UncommittedLimit({
      maxBytes: memory.uncommittedMaxBytes,
      transactionTimeoutMs: config.transactionTimeoutMs,
      hasSlowHandler: () => slowRecords.hasNoted,
      clock,
      logger,
    }),
    output,
    courtesy,
    clock,
    logger,
    metrics,
    recover: (error, isTooMuch) => recovery.recover(error, isTooMuch),
  });
  const quick = new QuickTasks({
    admin: log.admin,
    topology,
    taskCounts: layout.taskCounts,
    applicationId,
    acceptableRecoveryLag: config.acceptableRecoveryLag,
    limitMs: config.group.sessionTimeoutMs / REBALANCE_SHARE,
    clock,
  });
  const member: GroupMember = log.openMember(
    {
      groupId: applicationId,
      protocolName: ASSIGNMENT_PROTOCOL,
      topics: topology.sourceTopics,
      ...config.group,
      ...(config.isStaticMember ? { instanceId } : {}),
    },
    groupCallbacks({
      assignment,
      owners,
      seal,
      tenures,
      tasks,
      loop,
      committer,
      recovery,
      subscription: () => ({
        processId: directory.processId,
        instanceId,
        url: seal.sealAddress(config.advertisedUrl),
        topologyFingerprint: topology.fingerprint(),
        generation: tenures.live?.identity.generationId ?? -1,
        storedTasks: storedTasks(),
        readyTasks: tasks.ready,
        capacity: config.capacity,
        rackTags: config.rackTags,
        isLeaving: farewell.isLeaving,
        shutdownReason: seal.sealReason(farewell.shutdownReason),
      }),
      logger,
      metrics,
      mayCommit: events.mayCommit,
      quickTasks: () => quick.look(),
      fence: config.processingGuarantee === 'exactly_once' ? (ids) => departed.fence(ids) : async () => undefined,
      rejoin: () => member.requestRejoin(),
      probe: probing(clock, config.probingRebalanceIntervalMs, events.stopping, () => {
        if (tenures.live?.isWarmingUp) member.requestRejoin();
      }),
      onRebalance: events.onRebalance,
      onShutdown: events.onShutdown,
      onFatal: events.onFatal,
    }),
  );
  const stores = localStores({
    topology,
    taskCounts: layout.taskCounts,
    task: (id) => tasks.get(id),
    standby: (id) => tasks.standby(id),
    freshness: (task, store) => follower.freshness(task, store),
    owner: (id) => owners.of(id),
  });
  const topicWatch = new TopicWatch({
    applicationId,
    topology,
    deadLetterTopic: config.errors.deadLetterTopic,
    admin: log.admin,
    taskCounts: layout.taskCounts,
    outputTopics,
    maxAgeMs: config.metadataMaxAgeMs,
    clock,
    signal: events.stopping,
    logger,
    onTasksAdded: () => member.requestRejoin(),
    onChanged: events.onFailure,
  });
  return {
    topicWatch,
    changelogs,
    currency,
    begun,
    tasks,
    stores,
    loop,
    member,
    strategy,
    reader,
    restorer,
    follower,
    tenures,
    owners,
    committer,
  };
}

function openStrategy(
  log: Log,
  config: RuntimeConfig,
  layout: TopicLayout,
  transactionalId: string,
  member: () => GroupMember,
): CommitStrategy {
  // A topic that takes less than a batch decides how large batches are.
  const batchMaxBytes = Math.min(BATCH_BYTES, ...Array.from(layout.topicLimits.values(), ({ maxBytes }) => maxBytes));
  const options = { role: 'commit', compression: config.compression, batchMaxBytes };
  if (config.processingGuarantee === 'at_least_once') return new AtLeastOnce(log, options, member);
  const { transactionTimeoutMs } = config;
  return new ExactlyOnce(log, { ...options, transactionalId, transactionTimeoutMs }, member);
}
