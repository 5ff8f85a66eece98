import { resolve } from 'node:path';
import { ConfigurationError } from '../errors/configuration-error.js';
import { applicationIdProblem, topicNameProblem } from '../topology/internal-topics.js';
import type { BadRecordPolicy } from './bad-record-policy.js';
import { memoryLimitBytes } from './memory-limit.js';
import { OptionReader } from './option-reader.js';
import { OPTION_TABLE } from './option-table.js';
import { peerConfig, peerProblems } from './peer-config.js';
import { peerUrlOf } from './peer-url.js';
import { rackProblems } from './rack-tags.js';
import { readRetryPolicy } from './retry-policy.js';
import type { MemoryConfig, RuntimeConfig } from './runtime-config.js';
import type { StreamsOptions } from './streams-options.js';
import type { UncaughtPolicy } from './uncaught-policy.js';

/** What of the machine the defaults depend on. */
export interface ConfigEnvironment {
  readonly memoryLimitBytes: number;
  readonly isProduction: boolean;
  /** The id for when the user names no instance: the one kept in that state directory, or a new one. */
  readonly instanceIdOf: (stateDir: string, applicationId: string) => string;
  /** Further top-level options, of an adapter that checks them itself. */
  readonly extraKeys?: readonly string[];
}

const MIB = 2 ** 20;

/** The environment of this process. */
export function processEnvironment(instanceIdOf: ConfigEnvironment['instanceIdOf']): ConfigEnvironment {
  return {
    memoryLimitBytes: memoryLimitBytes(),
    isProduction: process.env['NODE_ENV'] === 'production',
    instanceIdOf,
  };
}

/**
 * Checks the options and fills in defaults.
 * @throws ConfigurationError listing every problem, unknown options included.
 */
export function resolveConfig(options: StreamsOptions, environment: ConfigEnvironment): RuntimeConfig {
  const read = new OptionReader(options, { table: OPTION_TABLE, extraKeys: environment.extraKeys });
  const stateDir = resolve(read.string('stateDir') ?? '.streams');
  const config: RuntimeConfig = {
    applicationId: read.string('applicationId') ?? '',
    instanceId: read.string('instanceId') ?? '',
    isStaticMember: read.has('instanceId'),
    stateDir,
    advertisedUrl: read.string('advertisedUrl')?.replace(/\/+$/, ''),
    processingGuarantee: read.value<RuntimeConfig['processingGuarantee']>('processingGuarantee') ?? 'exactly_once',
    onOffsetsLost: read.value<RuntimeConfig['onOffsetsLost']>('onOffsetsLost') ?? 'fail',
    commitIntervalMs: read.number('commitInterval') ?? 100,
    memory: memoryConfig(read, environment),
    group: {
      sessionTimeoutMs: read.number('group.sessionTimeout') ?? 10_000,
      heartbeatIntervalMs: read.number('group.heartbeatInterval') ?? 1000,
      rebalanceTimeoutMs: read.number('group.rebalanceTimeout') ?? 60_000,
    },
    transactionTimeoutMs: read.number('transactionTimeout') ?? 10_000,
    compression: read.value<RuntimeConfig['compression']>('compression') ?? 'none',
    internalTopics: { replicationFactor: read.number('internalTopics.replicationFactor') ?? -1 },
    restore: {
      fetchMaxBytes: read.number('restore.fetchMaxBytes') ?? 4 * MIB,
      maxBytesPerSecond: read.number('restore.maxBytesPerSecond') ?? Infinity,
      progressIntervalMs: read.number('restore.progressInterval') ?? 1000,
    },
    errors: {
      deserialization: read.value<BadRecordPolicy>('errors.deserialization') ?? 'fail',
      processing: read.value<BadRecordPolicy>('errors.processing') ?? 'fail',
      production: read.value<BadRecordPolicy>('errors.production') ?? 'fail',
      uncaught: read.value<UncaughtPolicy>('errors.uncaught') ?? 'shutdownInstance',
      deadLetterTopic: read.string('errors.deadLetterTopic'),
      deadLetterStack: read.boolean('errors.deadLetterStack') ?? false,
    },
    stateCleanupDelayMs: read.number('stateCleanupDelay') ?? 600_000,
    standbyReplicas: read.number('standbyReplicas') ?? 1,
    acceptableRecoveryLag: read.number('acceptableRecoveryLag') ?? 10_000,
    maxWarmupReplicas: read.number('maxWarmupReplicas') ?? 2,
    probingRebalanceIntervalMs: read.number('probingRebalanceInterval') ?? 600_000,
    handlerTimeoutMs: read.number('handlerTimeout'),
    metadataMaxAgeMs: read.number('metadataMaxAge') ?? 300_000,
    capacity: read.number('capacity') ?? 1,
    rackTags: read.value<RuntimeConfig['rackTags']>('rackTags') ?? {},
    rackAwareTags: read.value<RuntimeConfig['rackAwareTags']>('rackAwareTags') ?? [],
    peers: peerConfig(read),
    freezeValues: read.boolean('freezeValues') ?? !environment.isProduction,
    sliceMs: read.number('sliceMs') ?? 5,
  };
  const problems = [
    ...read.problems,
    ...contradictions(options, read, config),
    ...rackProblems(config),
    ...peerProblems(options, config),
  ];
  if (problems.length > 0) throw new ConfigurationError(problems);
  // Only now is the application id known to be safe as the name of a folder.
  return config.isStaticMember
    ? config
    : { ...config, instanceId: environment.instanceIdOf(stateDir, config.applicationId) };
}

function memoryConfig(read: OptionReader, environment: ConfigEnvironment): MemoryConfig {
  const maxBytes = read.number('memory.maxBytes') ?? Math.max(64 * MIB, Math.floor(environment.memoryLimitBytes / 4));
  const cacheMaxBytes = read.number('memory.cacheMaxBytes') ?? Math.min(64 * MIB, Math.floor(maxBytes / 2));
  const inputMaxBytes = read.number('memory.inputMaxBytes') ?? Math.min(32 * MIB, Math.floor(maxBytes / 4));
  return {
    maxBytes,
    cacheMaxBytes,
    uncommittedMaxBytes: read.number('memory.uncommittedMaxBytes') ?? Math.max(MIB, cacheMaxBytes),
    inputMaxBytes,
    batchMaxBytes: read.number('memory.batchMaxBytes') ?? Math.min(1024 * MIB, Math.max(64 * MIB, 2 * inputMaxBytes)),
  };
}

function isBrokerAddress(text: unknown): boolean {
  return typeof text === 'string' && /^[^\s:/]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/.test(text);
}

function contradictions(options: StreamsOptions, read: OptionReader, config: RuntimeConfig): string[] {
  const problems: string[] = [];
  const { memory, group, errors } = config;
  if (!read.has('applicationId')) {
    if (options?.applicationId === undefined)
      problems.push('"applicationId" is required: it names the consumer group.');
  } else {
    const illegal = applicationIdProblem(config.applicationId);
    if (illegal)
      problems.push(
        `"applicationId" is part of topic names, and '${config.applicationId}' is not legal there: ${illegal}.`,
      );
  }
  if (read.has('instanceId') && topicNameProblem(config.instanceId)) {
    problems.push(`"instanceId" '${config.instanceId}' is not legal: ${topicNameProblem(config.instanceId)}.`);
  }
  if (options?.kafka !== undefined && options.embedded !== undefined) {
    problems.push('"kafka" and "embedded" exclude each other: remove one of them.');
  }
  if (options?.kafka !== undefined && options.kafka?.brokers === undefined) {
    problems.push('"kafka.brokers" is required when "kafka" is given.');
  }
  for (const broker of read.value<readonly string[]>('kafka.brokers') ?? [])
    if (!isBrokerAddress(broker)) problems.push(`"kafka.brokers" must hold 'host:port', not '${broker}'.`);
  for (const address of Object.entries(read.value<object>('kafka.addresses') ?? {}).flat())
    if (!isBrokerAddress(address))
      problems.push(`"kafka.addresses" must map 'host:port' to 'host:port'; found '${String(address)}'.`);
  if (config.advertisedUrl !== undefined && peerUrlOf(config.advertisedUrl) === undefined) {
    problems.push(
      `"advertisedUrl" must be an http(s) URL such as 'http://10.0.0.7:3000', without query, fragment and user, not '${config.advertisedUrl}'.`,
    );
  }
  if (group.heartbeatIntervalMs * 2 > group.sessionTimeoutMs) {
    problems.push(
      `"group.heartbeatInterval" (${group.heartbeatIntervalMs} ms) must be at most half of "group.sessionTimeout" ` +
        `(${group.sessionTimeoutMs} ms), or one late heartbeat costs a rebalance.`,
    );
  }
  if (config.processingGuarantee === 'exactly_once' && config.transactionTimeoutMs <= config.commitIntervalMs) {
    problems.push(
      `"transactionTimeout" (${config.transactionTimeoutMs} ms) must be longer than "commitInterval" ` +
        `(${config.commitIntervalMs} ms), or every transaction is aborted by the broker.`,
    );
  }
  if (memory.cacheMaxBytes + memory.inputMaxBytes > memory.maxBytes) {
    problems.push(
      `"memory.cacheMaxBytes" (${memory.cacheMaxBytes}) and "memory.inputMaxBytes" (${memory.inputMaxBytes}) do not fit into ` +
        `"memory.maxBytes" (${memory.maxBytes}): raise that, or lower them.`,
    );
  }
  for (const phase of ['deserialization', 'processing', 'production'] as const) {
    const action = readRetryPolicy(errors[phase])?.finally ?? errors[phase];
    if (action === 'deadLetter' && errors.deadLetterTopic === undefined) {
      problems.push(`"errors.${phase}" is 'deadLetter', which needs "errors.deadLetterTopic".`);
    }
  }
  if (errors.deadLetterTopic !== undefined && topicNameProblem(errors.deadLetterTopic)) {
    problems.push(
      `"errors.deadLetterTopic" '${errors.deadLetterTopic}' is not legal: ${topicNameProblem(errors.deadLetterTopic)}.`,
    );
  }
  if (config.internalTopics.replicationFactor === 0) {
    problems.push(`"internalTopics.replicationFactor" must be -1 (the broker's default) or at least 1, not 0.`);
  }
  return problems;
}
