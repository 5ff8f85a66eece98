import type { RuntimeConfig } from '../../config/runtime-config.js';
import { ChangelogLostError } from '../../errors/changelog-lost-error.js';
import { ChangelogMismatchError } from '../../errors/changelog-mismatch-error.js';
import { ConfigurationError } from '../../errors/configuration-error.js';
import { LogError } from '../../errors/log-error.js';
import { MissingTopicError } from '../../errors/missing-topic-error.js';
import type { LogAdmin, NewTopic } from '../../log/log-admin.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import { checkIdentity, type TopicIds } from '../restore/changelog-identity.js';
import { DEFAULT_DELETIONS_KEPT_MS } from '../restore/store-currency.js';
import { NO_LIMITS, readTopicLimits, type TopicLimits } from '../records/topic-limits.js';
import { checkCoPartitioning } from '../../topology/co-partitioning.js';
import { changelogTopic } from '../../topology/internal-topics.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import type { Topology } from '../../topology/topology.js';

/** What the log has to offer for a topology. */
export interface TopicLayout {
  /** Of every source, sink and dead-letter topic. */
  readonly partitionCounts: ReadonlyMap<string, number>;
  /** Of sink and dead-letter topics; absent where they cannot be read. */
  readonly topicLimits: ReadonlyMap<string, TopicLimits>;
  /** Of the changelogs of this topology. */
  readonly changelogIds: TopicIds;
  /** `delete.retention.ms` of the changelogs. */
  readonly deletionsKeptMs: ReadonlyMap<string, number>;
  /** Tasks by sub-topology; grows with source topics, see `TopicWatch`. */
  readonly taskCounts: Map<number, number>;
}

const CHANGELOG_CONFIG: Readonly<Record<string, string>> = { 'cleanup.policy': 'compact', 'retention.ms': '-1' };

/** Remembers which topics the local stores are written from. */
export interface ChangelogRecord {
  readonly changelogIds: TopicIds;
  keepChangelogIds(ids: TopicIds): void;
}

/**
 * Checks the topics that the topology names, and creates or checks the changelogs.
 * @throws MissingTopicError, CoPartitioningError, ChangelogMismatchError, and ChangelogLostError before a changelog of local state is created again.
 */
export async function setUpTopics(
  topology: Topology,
  config: RuntimeConfig,
  admin: LogAdmin,
  logger: StreamsLogger,
  record: ChangelogRecord,
): Promise<TopicLayout> {
  const { deadLetterTopic } = config.errors;
  const named = [...topology.sourceTopics, ...topology.sinkTopics, ...(deadLetterTopic ? [deadLetterTopic] : [])];
  const described = await admin.describeTopics([...new Set(named)]);
  const missing = named.filter((topic) => !described.has(topic));
  if (missing.length > 0) throw new MissingTopicError([...new Set(missing)]);
  const partitionCounts = new Map(Array.from(described.values(), ({ name, partitions }) => [name, partitions]));
  const taskCounts = checkCoPartitioning(topology, partitionCounts);
  const { changelogIds, deletionsKeptMs } = await setUpChangelogs(topology, taskCounts, config, admin, logger, record);
  const written = new Set([...topology.sinkTopics, ...(deadLetterTopic ? [deadLetterTopic] : [])]);
  const topicLimits = new Map<string, TopicLimits>();
  for (const topic of written) topicLimits.set(topic, await limitsOf(topic, admin, logger));
  return { partitionCounts, topicLimits, changelogIds, deletionsKeptMs, taskCounts };
}

/** What the user may not read is met when the broker refuses it. */
async function limitsOf(topic: string, admin: LogAdmin, logger: StreamsLogger): Promise<TopicLimits> {
  try {
    return await readTopicLimits(admin, topic);
  } catch (error) {
    if (error instanceof LogError && error.kind === 'retriable') throw error;
    logger.info(
      `The limits of "${topic}" cannot be read, so a record that it refuses costs a commit, which is done again: ${String(error)}`,
    );
    return NO_LIMITS;
  }
}

/** Returns the configuration of a changelog; empty, with a warning, if the user may not read it. */
async function readableConfig(
  admin: LogAdmin,
  changelog: string,
  logger: StreamsLogger,
): Promise<ReadonlyMap<string, string>> {
  try {
    return await admin.describeConfig(changelog);
  } catch (error) {
    if (!isForbidden(error)) throw error;
    logger.warn(
      `The configuration of "${changelog}" cannot be read, since the user lacks the right DESCRIBE_CONFIGS on it: ` +
        `cleanup.policy=compact and Kafka's default delete.retention.ms (${DEFAULT_DELETIONS_KEPT_MS} ms) are assumed.`,
    );
    return new Map();
  }
}

function absentIfForbidden(error: unknown): Map<string, never> {
  if (!isForbidden(error)) throw error;
  return new Map<string, never>();
}

function isForbidden(error: unknown): boolean {
  return error instanceof LogError && error.code === 'LOG_TOPIC_AUTHORIZATION_FAILED';
}

async function setUpChangelogs(
  topology: Topology,
  taskCounts: ReadonlyMap<number, number>,
  config: RuntimeConfig,
  admin: LogAdmin,
  logger: StreamsLogger,
  record: ChangelogRecord,
): Promise<Pick<TopicLayout, 'changelogIds' | 'deletionsKeptMs'>> {
  const wanted = topology.subTopologies.flatMap((sub) =>
    sub.stores
      .filter((store) => store.changelog.isEnabled)
      .map((store) => newChangelog(store, taskCounts.get(sub.id) ?? 0, config)),
  );
  const existing = await admin.describeTopics(wanted.map(({ name }) => name));
  const configs = new Map<string, ReadonlyMap<string, string>>();
  for (const topic of wanted) {
    const found = existing.get(topic.name);
    if (found === undefined) continue;
    if (found.partitions !== topic.partitions)
      throw ChangelogMismatchError.forPartitions(topic.name, config.applicationId, topic.partitions, found.partitions);
    const current = await readableConfig(admin, topic.name, logger);
    configs.set(topic.name, current);
    const policy = current.get('cleanup.policy');
    const expected = topic.config['cleanup.policy']!;
    if (policy !== undefined && policy !== expected)
      throw ChangelogMismatchError.forConfig(topic.name, 'cleanup.policy', expected, policy);
  }
  const missing = wanted.filter(({ name }) => !existing.has(name));
  const known = record.changelogIds;
  const lost = missing.find(({ name }) => known[name] !== undefined);
  if (lost !== undefined) throw new ChangelogLostError(lost.name, 'missing', config.applicationId);
  await refuseFormerNames(topology, config.applicationId, missing, admin);
  if (missing.length > 0) await admin.createTopics(missing);
  for (const { name, partitions } of missing)
    logger.info(`Created the changelog topic "${name}" with ${partitions} partitions.`);
  const deletionsKeptMs = new Map<string, number>();
  for (const { name } of wanted) {
    const kept = (configs.get(name) ?? (await readableConfig(admin, name, logger))).get('delete.retention.ms');
    deletionsKeptMs.set(name, kept === undefined ? DEFAULT_DELETIONS_KEPT_MS : Number(kept));
  }
  if (wanted.length === 0) return { changelogIds: {}, deletionsKeptMs };
  const found = await admin.topicIds(wanted.map(({ name }) => name));
  checkIdentity(config.applicationId, known, found);
  const ids = Object.fromEntries(found);
  if (wanted.some(({ name }) => known[name] !== ids[name])) record.keepChangelogIds(ids);
  return { changelogIds: ids, deletionsKeptMs };
}

/** Earlier versions wrote one dash where the name of the store contains one. Creating the other topic beside that one could lose its state. */
async function refuseFormerNames(
  topology: Topology,
  applicationId: string,
  missing: readonly NewTopic[],
  admin: LogAdmin,
): Promise<void> {
  const former = new Map<string, string>();
  for (const { name } of topology.stores)
    if (missing.some((topic) => topic.name === changelogTopic(applicationId, name)))
      former.set(`${applicationId}-${name}-changelog`, changelogTopic(applicationId, name));
  for (const name of missing.map((topic) => topic.name)) former.delete(name);
  if (former.size === 0) return;
  const found: string[] = [];
  for (const name of former.keys())
    // A topic that this user may not see was not written by this application.
    if ((await admin.describeTopics([name]).catch(absentIfForbidden)).has(name)) found.push(name);
  const problems = found.map(
    (name) =>
      `the changelog "${former.get(name)}" does not exist, but "${name}" does, which an earlier version of this application may have written. ` +
      `If it did, give the store a name without "-", or delete "${name}" and reset the application. If the topic belongs to another application, create "${former.get(name)}" yourself.`,
  );
  if (problems.length > 0) throw new ConfigurationError(problems);
}

function newChangelog(
  store: StoreDefinition,
  partitions: number,
  config: RuntimeConfig,
): NewTopic & { readonly config: Readonly<Record<string, string>> } {
  return {
    name: changelogTopic(config.applicationId, store.name),
    partitions,
    replicationFactor: config.internalTopics.replicationFactor,
    config: { ...CHANGELOG_CONFIG, ...store.changelog.config },
  };
}
