import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../errors/configuration-error.js';
import { parseByteSize } from './byte-size.js';
import { parseDuration } from './duration.js';
import { memoryLimitBytes } from './memory-limit.js';
import { resolveConfig, type ConfigEnvironment } from './resolve-config.js';
import type { StreamsOptions } from './streams-options.js';

const MIB = 2 ** 20;
const environment: ConfigEnvironment = {
  memoryLimitBytes: 1024 * MIB,
  isProduction: false,
  instanceIdOf: () => 'generated',
};
const resolve = (options: unknown) => resolveConfig(options as StreamsOptions, environment);

function problemsOf(options: unknown): readonly string[] {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe('resolveConfig', () => {
  it('fills in defaults', () => {
    expect(resolve({ applicationId: 'bank' })).toMatchObject({
      instanceId: 'generated',
      isStaticMember: false,
      processingGuarantee: 'exactly_once',
      commitIntervalMs: 100,
      memory: {
        maxBytes: 256 * MIB,
        cacheMaxBytes: 64 * MIB,
        uncommittedMaxBytes: 64 * MIB,
        inputMaxBytes: 32 * MIB,
        batchMaxBytes: 64 * MIB,
      },
      group: { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 1000 },
      transactionTimeoutMs: 10_000,
      freezeValues: true,
      stateCleanupDelayMs: 600_000,
    });
    expect(resolve({ applicationId: 'bank' }).stateDir).toBe(`${process.cwd()}/.streams`);
    expect(resolve({ applicationId: 'bank', instanceId: 'a' })).toMatchObject({
      instanceId: 'a',
      isStaticMember: true,
    });
  });

  it('takes durations and sizes as numbers or with units', () => {
    const config = resolve({
      applicationId: 'bank',
      commitInterval: '2s',
      memory: { maxBytes: '1GB', cacheMaxBytes: 0 },
    });
    expect(config.commitIntervalMs).toBe(2000);
    expect(config.memory).toMatchObject({ maxBytes: 1024 * MIB, cacheMaxBytes: 0, uncommittedMaxBytes: MIB });
  });

  it('knows the limits of rack tags, and misses the value of one that copies are to differ in', () => {
    const rack = (rackTags: unknown, rackAwareTags?: unknown): readonly string[] =>
      problemsOf({ applicationId: 'bank', rackTags, rackAwareTags });
    expect(rack({ zone: 'eu-1a', rack: '7' }, ['zone'])).toEqual([]);
    expect(rack('eu-1a')).toEqual([expect.stringContaining("such as { zone: 'eu-1a' }")]);
    expect(rack({ zone: 1 })).toEqual([expect.stringContaining('"rackTags.zone" must be a text')]);
    expect(rack({ ['z'.repeat(21)]: 'a', b: 'v'.repeat(31) })).toHaveLength(2);
    expect(rack({ a: '1', b: '1', c: '1', d: '1', e: '1', f: '1' })).toEqual([
      expect.stringContaining('5 tags, not 6'),
    ]);
    expect(rack({ zone: 'a' }, ['cluster'])).toEqual([expect.stringContaining("names 'cluster'")]);
  });

  it('lists every problem at once, and guesses what unknown options were meant to be', () => {
    const problems = problemsOf({
      applicationId: 'my bank',
      comitInterval: 100,
      memory: { maxByte: 1, inputMaxBytes: 'much' },
      group: 7,
      kafka: { brokers: ['localhost'] },
      embedded: {},
      compression: 'zstd',
      errors: { processing: 'deadLetter' },
      standbyReplicas: -1,
      sliceMs: 0,
      processingGuarantee: 'at_most_once',
      transactionTimeout: '1d',
    });
    for (const part of [
      `"applicationId" is part of topic names, and 'my bank' is not legal`,
      'Unknown option "comitInterval". Did you mean "commitInterval"?',
      'Unknown option "memory.maxByte". Did you mean "memory.maxBytes"?',
      `"memory.inputMaxBytes" must be bytes or a size such as '64MB', not 'much'`,
      '"group" must be an object, not 7',
      `must hold 'host:port', not 'localhost'`,
      '"kafka" and "embedded" exclude each other',
      `"compression" must be 'none' or 'gzip' or 'snappy' or 'lz4', not 'zstd'`,
      'needs "errors.deadLetterTopic"',
      '"standbyReplicas" must be at least 0, not -1',
      '"sliceMs" must be at least 1, not 0',
      `"processingGuarantee" must be 'exactly_once' or 'at_least_once'`,
      `"transactionTimeout" must be at most 900000 ms, not '1d'`,
    ]) {
      expect(problems.filter((problem) => problem.includes(part))).toHaveLength(1);
    }
    expect(problems).toHaveLength(13);
  });

  it('refuses what contradicts itself', () => {
    const base = { applicationId: 'bank' };
    expect(problemsOf({ ...base, commitInterval: '30s' })).toEqual([expect.stringContaining('"transactionTimeout"')]);
    expect(problemsOf({ ...base, commitInterval: '30s', processingGuarantee: 'at_least_once' })).toEqual([]);
    expect(problemsOf({ ...base, group: { sessionTimeout: '1500ms' } })).toEqual([
      expect.stringContaining('at most half'),
    ]);
    expect(problemsOf({ ...base, memory: { maxBytes: '64MB', cacheMaxBytes: '64MB' } })).toEqual([
      expect.stringContaining('do not fit'),
    ]);
    for (const advertisedUrl of ['host:3000', 'http://host?x=1', 'http://host#x', 'http://user:password@host'])
      expect(problemsOf({ ...base, advertisedUrl })).toEqual([expect.stringContaining('"advertisedUrl" must be')]);
    for (const applicationId of ['bank-', 'bank--eu'])
      expect(problemsOf({ applicationId })).toEqual([expect.stringContaining('must not contain "--" or end with "-"')]);
    expect(problemsOf({ ...base, kafka: { brokers: ['a:1'], addresses: { 'b:1': 'http://c:1' } } })).toEqual([
      expect.stringContaining(`"kafka.addresses" must map 'host:port' to 'host:port'`),
    ]);
    expect(problemsOf({ ...base, kafka: {} })).toEqual([expect.stringContaining('"kafka.brokers" is required')]);
    expect(problemsOf({})).toEqual([expect.stringContaining('"applicationId" is required')]);
    expect(problemsOf(undefined).length).toBeGreaterThan(0);
  });

  it('never throws anything but the list of problems', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (kafka, memory) => {
        problemsOf({ applicationId: 'bank', kafka, memory });
      }),
    );
  });
});

describe('durations and sizes', () => {
  it('are parsed with their units, and nothing else is', () => {
    expect(['250ms', '1.5s', '5m', '1h', '7d', 12.4].map(parseDuration)).toEqual([
      250, 1500, 300_000, 3_600_000, 604_800_000, 12,
    ]);
    expect(['5', 'm', '-1s', '5 weeks', -1, NaN, Infinity, null].map(parseDuration)).toEqual(Array(8).fill(undefined));
    expect(['1B', '64MB', '64MiB', '1.5gb', '2kb', 7].map(parseByteSize)).toEqual([
      1,
      64 * MIB,
      64 * MIB,
      1536 * MIB,
      2048,
      7,
    ]);
    expect(['64', 'MB', '-1B', '1TB', -1, NaN, undefined].map(parseByteSize)).toEqual(Array(7).fill(undefined));
  });
});

describe('memoryLimitBytes', () => {
  const files = (contents: Record<string, string>) => (path: string) => {
    const found = contents[path];
    if (found === undefined) throw new Error('ENOENT');
    return found;
  };

  it('is that of the container where there is one, else of the machine', () => {
    const v2 = '/sys/fs/cgroup/memory.max';
    const v1 = '/sys/fs/cgroup/memory/memory.limit_in_bytes';
    expect(memoryLimitBytes(files({ [v2]: '1000\n' }), 5000)).toBe(1000);
    expect(memoryLimitBytes(files({ [v2]: 'max\n' }), 5000)).toBe(5000);
    expect(memoryLimitBytes(files({ [v1]: '2000\n' }), 5000)).toBe(2000);
    expect(memoryLimitBytes(files({ [v1]: '9223372036854771712\n' }), 5000)).toBe(5000);
    expect(memoryLimitBytes(files({}), 5000)).toBe(5000);
  });
});
