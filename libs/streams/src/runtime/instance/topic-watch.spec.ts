import { beforeEach, describe, expect, it } from 'vitest';
import { LogError } from '../../errors/log-error.js';
import type { LogAdmin } from '../../log/log-admin.js';
import { silentLogger } from '../../observability/streams-logger.js';
import type { Serde } from '../../serdes/serde.js';
import { stringSerde } from '../../serdes/text-serdes.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { TopologyBuilder } from '../../topology/topology-builder.js';
import type { Topology } from '../../topology/topology.js';
import { OutputTopics } from '../records/output-topics.js';
import { NO_LIMITS } from '../records/topic-limits.js';
import { TopicWatch } from './topic-watch.js';

const MAX_AGE_MS = 60_000;
const serde = stringSerde as Serde<unknown>;

/** Reads `sources` into one processor, with a store or without. */
function topologyOf(sources: readonly string[], stores: readonly string[] = []): Topology {
  const builder = new TopologyBuilder();
  for (const topic of sources) builder.addSource({ name: `read ${topic}`, topic, key: serde, value: serde });
  builder
    .addProcessor({
      name: 'apply',
      parents: sources.map((topic) => `read ${topic}`),
      stores,
      prefetch: [],
      supplier: { create: () => ({ process: () => undefined }) },
    })
    .addSink({ name: 'write', parents: ['apply'], topic: 'out', key: serde, value: serde });
  for (const name of stores)
    builder.addStore({
      name,
      kind: 'key-value',
      key: serde,
      value: serde,
      engine: 'memory',
      changelog: { isEnabled: true, config: {} },
      isQueryable: false,
      restorePriority: 0,
    });
  return builder.build({ applicationId: 'app' });
}

describe('the watch over topics', () => {
  let clock: ManualClock;
  let stop: AbortController;
  let failures: (Error & { readonly code?: string })[];
  let warnings: string[];
  let added: number;
  /** What the brokers know. */
  let counts: Record<string, number>;
  let ids: Record<string, string>;
  let isReachable: boolean;
  let isForbidden: boolean;
  let taskCounts: Map<number, number>;
  let outputTopics: OutputTopics;

  const admin = {
    describeTopics: async (names: readonly string[]) => {
      if (!isReachable) throw new LogError('retriable', 'LOG_CONNECTION', 'no answer');
      return new Map(names.filter((name) => name in counts).map((name) => [name, { name, partitions: counts[name]! }]));
    },
    topicIds: async (names: readonly string[]) => {
      if (isForbidden) throw new LogError('refused', 'LOG_TOPIC_AUTHORIZATION_FAILED', 'no right');
      return new Map(names.filter((name) => name in ids).map((name) => [name, ids[name]!]));
    },
  } as unknown as LogAdmin;

  const watch = async (topology: Topology): Promise<void> => {
    outputTopics = new OutputTopics({
      limits: new Map([['out', NO_LIMITS]]),
      partitionCounts: new Map(Object.entries(counts)),
      compression: 'none',
      admin,
      clock,
      logger: silentLogger,
      signal: stop.signal,
    });
    const topics = new TopicWatch({
      applicationId: 'app',
      topology,
      deadLetterTopic: undefined,
      admin,
      taskCounts,
      outputTopics,
      maxAgeMs: MAX_AGE_MS,
      clock,
      signal: stop.signal,
      logger: { ...silentLogger, warn: (message) => void warnings.push(message) },
      onTasksAdded: () => added++,
      onChanged: (error) => {
        failures.push(error);
        stop.abort();
      },
    });
    void topics.run();
    await clock.settle();
  };

  beforeEach(() => {
    clock = new ManualClock();
    stop = new AbortController();
    failures = [];
    warnings = [];
    added = 0;
    counts = { in: 2, other: 2, out: 1 };
    ids = { in: 'id of in', other: 'id of other' };
    isReachable = true;
    isForbidden = false;
    taskCounts = new Map([[0, 2]]);
  });

  it('takes up new partitions of sources without stores', async () => {
    await watch(topologyOf(['in']));
    counts['in'] = 5;
    await clock.advance(MAX_AGE_MS);
    expect([added, taskCounts.get(0), failures]).toEqual([1, 5, []]);
    await clock.advance(MAX_AGE_MS);
    expect(added).toBe(1);
  });

  it('ends the instance where stores are built from the source, with the commands', async () => {
    await watch(topologyOf(['in'], ['balances']));
    counts['in'] = 5;
    await clock.advance(MAX_AGE_MS + 2000);
    expect([added, taskCounts.get(0)]).toEqual([0, 2]);
    expect(failures).toMatchObject([{ code: 'STREAMS_TOPIC_CHANGED', topic: 'in', change: { before: 2, after: 5 } }]);
    expect(failures[0]!.message).toContain('--delete --topic app-balances-changelog');
    expect(failures[0]!.message).toContain('the store "balances" was built from 2');
  });

  it('partitions outputs by the new count', async () => {
    await watch(topologyOf(['in'], ['balances']));
    counts['out'] = 7;
    await clock.advance(MAX_AGE_MS);
    expect([outputTopics.get('out').partitions, failures]).toEqual([7, []]);
  });

  it('partitions outputs by a smaller count only where a second look confirms it', async () => {
    counts['out'] = 7;
    await watch(topologyOf(['in']));
    counts['out'] = 4;
    await clock.advance(MAX_AGE_MS);
    expect(outputTopics.get('out').partitions).toBe(7);
    counts['out'] = 7;
    await clock.advance(MAX_AGE_MS);
    expect(outputTopics.get('out').partitions).toBe(7);
    counts['out'] = 3;
    await clock.advance(MAX_AGE_MS + 2000);
    expect([outputTopics.get('out').partitions, failures]).toEqual([3, []]);
  });

  it.each([
    ['in', 'a source'],
    ['out', 'an output'],
  ])('ends the instance where "%s", %s, was deleted', async (topic) => {
    await watch(topologyOf(['in']));
    delete counts[topic];
    await clock.advance(MAX_AGE_MS);
    expect([failures, warnings.length]).toEqual([[], 1]);
    await clock.advance(2000);
    expect(failures).toMatchObject([{ code: 'STREAMS_TOPIC_CHANGED', topic, change: { kind: 'deleted' } }]);
  });

  it('ends the instance where a source was created again, from the first minute on', async () => {
    await watch(topologyOf(['in']));
    ids['in'] = 'another id';
    await clock.advance(MAX_AGE_MS + 2000);
    expect(failures).toMatchObject([{ topic: 'in', change: { kind: 'recreated' } }]);
  });

  it('does not believe a broker that does not know a topic once', async () => {
    await watch(topologyOf(['in'], ['balances']));
    delete counts['in'];
    await clock.advance(MAX_AGE_MS);
    counts['in'] = 2;
    await clock.advance(5 * MAX_AGE_MS);
    delete counts['in'];
    await clock.advance(3000);
    expect(warnings).toHaveLength(2);
    counts['in'] = 2;
    await clock.advance(5 * MAX_AGE_MS);
    expect(failures).toEqual([]);
  });

  it('waits for the other topics of a processor to grow as well', async () => {
    await watch(topologyOf(['in', 'other']));
    counts['in'] = 4;
    await clock.advance(MAX_AGE_MS + 2000);
    expect([failures, added]).toEqual([[], 0]);
    expect(warnings).toEqual([expect.stringContaining('"in" has')]);
    counts['other'] = 4;
    await clock.advance(MAX_AGE_MS);
    expect([failures, added, taskCounts.get(0)]).toEqual([[], 1, 4]);
    counts['in'] = 6;
    await clock.advance(2 * MAX_AGE_MS);
    expect(failures).toMatchObject([{ code: 'STREAMS_COPARTITION_MISMATCH' }]);
  });

  it('takes a topic that it may not see for no deleted one, and says so', async () => {
    await watch(topologyOf(['in']));
    isForbidden = true;
    delete counts['in'];
    await clock.advance(3 * MAX_AGE_MS);
    expect(failures).toEqual([]);
    expect(warnings[0]).toContain('cannot be looked at');
  });

  it('goes on without brokers, and without topic ids', async () => {
    ids = {};
    await watch(topologyOf(['in']));
    isReachable = false;
    await clock.advance(3 * MAX_AGE_MS);
    isReachable = true;
    counts['in'] = 3;
    await clock.advance(MAX_AGE_MS);
    expect([failures, added]).toEqual([[], 1]);
  });
});
