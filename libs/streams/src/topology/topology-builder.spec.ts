import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { CoPartitioningError } from '../errors/co-partitioning-error.js';
import { MissingTopicError } from '../errors/missing-topic-error.js';
import { TopologyError } from '../errors/topology-error.js';
import type { Serde } from '../serdes/serde.js';
import { checkCoPartitioning } from './co-partitioning.js';
import { incompatibilities, topologyShape } from './describe/topology-shape.js';
import type { StoreDefinition } from './store-definition.js';
import { compareTaskIds, parseTaskId, taskId } from './task-id.js';
import { TopologyBuilder } from './topology-builder.js';

const text = serde('string');
const json = serde('json');

function serde(name: string): Serde<unknown> {
  return { name, serialize: () => new Uint8Array(), deserialize: () => undefined };
}

function store(name: string, value = json): StoreDefinition {
  return {
    name,
    kind: 'key-value',
    key: text,
    value,
    engine: 'memory',
    changelog: { isEnabled: true, config: {} },
    isQueryable: false,
    restorePriority: 0,
  };
}

type Step = (builder: TopologyBuilder) => void;
const source =
  (name: string, topic: string, value = json): Step =>
  (builder) =>
    void builder.addSource({ name, topic, key: text, value });
const processor =
  (name: string, parents: string[], stores: string[] = [], prefetch: string[] = []): Step =>
  (builder) =>
    void builder.addProcessor({
      name,
      parents,
      stores,
      supplier: { create: () => ({ process: () => undefined }) },
      prefetch: prefetch.map((entry) => ({ store: entry })),
    });
const sink =
  (name: string, parents: string[], topic: string): Step =>
  (builder) =>
    void builder.addSink({ name, parents, topic, key: text, value: json });
const withStore =
  (name: string, value = json): Step =>
  (builder) =>
    void builder.addStore(store(name, value));

function build(steps: readonly Step[], applicationId = 'bank') {
  const builder = new TopologyBuilder();
  for (const step of steps) step(builder);
  return builder.build({ applicationId });
}

function problemsOf(steps: readonly Step[]): readonly string[] {
  try {
    build(steps);
  } catch (error) {
    if (error instanceof TopologyError) return error.problems;
    throw error;
  }
  return [];
}

const bank: Step[] = [
  source('transactions-source', 'transactions'),
  processor('apply', ['transactions-source'], ['balances'], ['balances']),
  sink('updates', ['apply'], 'balance-updates'),
  withStore('balances'),
  source('audit-source', 'audit'),
  processor('log', ['audit-source']),
];

describe('TopologyBuilder', () => {
  it('describes a topology exactly as Kafka Streams does', () => {
    expect(build(bank).describe()).toBe(
      [
        'Topologies:',
        '   Sub-topology: 0',
        '    Source: audit-source (topics: [audit])',
        '      --> log',
        '    Processor: log (stores: [])',
        '      --> none',
        '      <-- audit-source',
        '',
        '  Sub-topology: 1',
        '    Source: transactions-source (topics: [transactions])',
        '      --> apply',
        '    Processor: apply (stores: [balances])',
        '      --> updates',
        '      <-- transactions-source',
        '    Sink: updates (topic: balance-updates)',
        '      <-- apply',
        '',
        '',
      ].join('\n'),
    );
  });

  it('draws topics, processors and stores for Mermaid', () => {
    expect(build(bank.slice(0, 4)).describeMermaid()).toBe(
      [
        'flowchart LR',
        '  topic2[("transactions")]',
        '  topic3[("balance-updates")]',
        '  subgraph sub0["Sub-topology 0"]',
        '    processor0["apply"]',
        '    store1[("balances")]',
        '  end',
        '  topic2 --> processor0',
        '  processor0 <--> store1',
        '  processor0 --> topic3',
        '',
      ].join('\n'),
    );
  });

  it('gives equal sub-topology numbers and fingerprints whatever the order of declaration', () => {
    const expected = build(bank);
    fc.assert(
      fc.property(fc.shuffledSubarray(bank, { minLength: bank.length }), (steps) => {
        const topology = build(steps);
        expect(topologyShape(topology)).toEqual(topologyShape(expected));
        expect(topology.fingerprint()).toBe(expected.fingerprint());
      }),
      { numRuns: 50 },
    );
  });

  it('joins what shares a store or a source topic, and keeps the rest apart', () => {
    const topology = build([
      source('c', 'customers'),
      source('o', 'orders'),
      source('o2', 'orders'),
      source('z', 'zones'),
      processor('pc', ['c'], ['enriched']),
      processor('po', ['o'], ['enriched']),
      processor('po2', ['o2']),
      processor('pz', ['z']),
      withStore('enriched'),
    ]);
    expect(topology.subTopologies.map((sub) => sub.sources.map(({ name }) => name))).toEqual([['c', 'o', 'o2'], ['z']]);
    expect(topology.subTopologies[0]?.stores.map(({ name }) => name)).toEqual(['enriched']);
    expect(topology.childrenOf('o').map(({ name }) => name)).toEqual(['po']);
  });

  it('lists every problem at once', () => {
    const problems = problemsOf([
      source('s', 'in'),
      source('s', 'in', text),
      source('bad', 'no spaces'),
      processor('orphan', []),
      processor('lost', ['nowhere'], ['ghost'], ['other']),
      processor('a', ['b']),
      processor('b', ['a']),
      sink('out', ['s'], 'bank-balances-changelog'),
      processor('after-sink', ['out']),
      withStore('unused'),
      withStore('unused'),
    ]);
    for (const part of [
      'Two nodes are named "s"',
      'read "in" with different serdes',
      '"no spaces", which is not legal',
      'Processor "orphan" has no parent',
      'names the parent "nowhere"',
      'uses the store "ghost"',
      'prefetches from "other"',
      'in a circle: "a" -> "b" -> "a"',
      'an internal topic',
      'names the sink "out"',
      'Two stores are named "unused"',
      'Store "unused" is not connected',
    ]) {
      expect(problems.filter((problem) => problem.includes(part))).toHaveLength(1);
    }
    expect(problems).toHaveLength(12);
  });

  it('refuses a topology without a source, and names that leave the state directory', () => {
    expect(problemsOf([])).toEqual([expect.stringContaining('There is no source')]);
    expect(problemsOf([source('s', 't'), processor('p', ['s'], ['../x']), withStore('../x')])).toEqual([
      expect.stringContaining('"../x"'),
    ]);
    expect(() => build([source('s', 't')], '..')).toThrow(TopologyError);
  });
});

describe('checkCoPartitioning', () => {
  const joined = build([
    source('c', 'customers'),
    source('o', 'orders'),
    processor('p', ['c', 'o'], ['enriched']),
    withStore('enriched'),
  ]);

  it('counts the tasks of each sub-topology', () => {
    expect(
      checkCoPartitioning(
        build(bank),
        new Map([
          ['audit', 2],
          ['transactions', 4],
        ]),
      ),
    ).toEqual(
      new Map([
        [0, 2],
        [1, 4],
      ]),
    );
  });

  it('names both topics and the fix when partition counts differ', () => {
    const counts = new Map([
      ['customers', 4],
      ['orders', 6],
    ]);
    expect(() => checkCoPartitioning(joined, counts)).toThrow(CoPartitioningError);
    expect(() => checkCoPartitioning(joined, counts)).toThrow(
      /"customers" has 4 partitions and "orders" has 6.*"enriched".*--topic customers --partitions 6/,
    );
  });

  it('lists the source topics that do not exist', () => {
    expect(() => checkCoPartitioning(joined, new Map())).toThrow(MissingTopicError);
    expect(() => checkCoPartitioning(joined, new Map())).toThrow(/"customers"[^]*"orders"/);
  });
});

describe('incompatibilities', () => {
  const shape = (steps: Step[]) => topologyShape(build(steps));
  const base = (topic: string, value = json, extra: Step[] = []): Step[] => [
    source('s', topic),
    processor('p', ['s'], ['balances']),
    withStore('balances', value),
    ...extra,
  ];

  it('finds a changed serde and replaced sources, only where there is state', () => {
    const before = shape(base('transactions'));
    expect(incompatibilities(before, shape(base('transactions', text)), () => true)).toEqual([
      'store "balances": its value serde was "json" and is now "string"',
    ]);
    expect(incompatibilities(before, shape(base('other')), () => true)).toHaveLength(1);
    expect(incompatibilities(before, shape(base('other', text)), () => false)).toEqual([]);
  });

  it('bears other sub-topology numbers, new stores and further sources', () => {
    const now = shape(
      base('transactions', json, [
        source('a', 'a'),
        processor('pa', ['a'], ['new']),
        withStore('new'),
        source('s2', 'zones'),
        processor('p2', ['s2'], ['balances']),
      ]),
    );
    expect(incompatibilities(shape(base('transactions')), now, () => true)).toEqual([]);
  });
});

describe('task ids', () => {
  it('are parsed strictly and ordered as numbers', () => {
    expect(parseTaskId(taskId(1, 12))).toEqual({ subTopology: 1, partition: 12 });
    for (const text of ['logs', '1', '1_', '01_0', '1_2_3', '../1_1']) expect(parseTaskId(text)).toBeUndefined();
    expect([taskId(0, 10), taskId(1, 0), taskId(0, 9)].sort(compareTaskIds)).toEqual(['0_9', '0_10', '1_0']);
  });
});
