import { describe, expect, it } from 'vitest';
import type { LogProducer } from '../../log/log-producer.js';
import { resolvePartitioner, type KeyPartitioner } from '../../log/named-partitioners.js';
import { partitionForKey } from '../../log/partitioner.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import type { Serde } from '../../serdes/serde.js';
import { ManualClock } from '../../testing/manual-clock.js';
import type { SinkNode } from '../../topology/topology.js';
import { OutputTopic } from './output-topic.js';
import { SinkWriter } from './output.js';
import { TaskOutput } from './task-output.js';
import { NO_LIMITS } from './topic-limits.js';

const text = stringSerde as Serde<unknown>;

const KEYS = ['a', 'b', 'acc-17', 'grüße'];

/** A writer to 6 partitions, and the partitions it wrote to. */
function world(partitioner: (() => unknown) | undefined, value = text, keyPartitioner?: KeyPartitioner) {
  const written: number[] = [];
  const producer = { append: (_: string, partition: number) => written.push(partition) > 0 } as unknown as LogProducer;
  const node = {
    name: 'out',
    topic: 'out',
    key: text,
    value,
    ...(partitioner && { partitioner: partitioner as NonNullable<SinkNode['partitioner']> }),
    ...(keyPartitioner && { keyPartitioner }),
  } as SinkNode;
  const topic = new OutputTopic('out', NO_LIMITS, 'none', new ManualClock());
  topic.partitions = 6;
  const limits = { bytes: 0, maxBytes: Infinity, maxDirtyBytes: Infinity };
  const writer = new SinkWriter(node, new TaskOutput({ producer, isFull: false, ...limits }), topic);
  return { written, writer, write: () => writer.write('k', 'v', 1, undefined) };
}

describe('the partitioner of a sink', () => {
  it.each([0, 5])('chooses the partition %s', (partition) => {
    const { written, write } = world(() => partition);
    write();
    expect(written).toEqual([partition]);
  });

  it.each<[unknown, string]>([
    [99, '99'],
    [6, '6'],
    [-1, '-1'],
    [0.5, '0.5'],
    [Number.NaN, 'NaN'],
    [undefined, 'undefined'],
    [null, 'null'],
    ['3', 'a value of type string'],
    [3n, 'a value of type bigint'],
    [Promise.resolve(3), 'a promise'],
  ])('makes %s the error of the record', (answer, told) => {
    const { written, write } = world(() => answer);
    expect(write).toThrow(
      `A record for "out" (sink out) cannot be written: its partitioner answered ${told}; it must answer a whole number from 0 to 5.`,
    );
    expect(written).toEqual([]);
  });

  it('makes what it throws the error of the record', () => {
    const cause = new Error('No region for it.');
    const { written, write } = world(() => {
      throw cause;
    });
    expect(write).toThrow(expect.objectContaining({ code: 'STREAMS_PRODUCTION_FAILED', cause }));
    expect(written).toEqual([]);
  });
});

describe('a sink with a named partitioner', () => {
  it('puts keys where it says, and spreads records without a key', () => {
    const { written, writer } = world(undefined, text, resolvePartitioner('fnv1a'));
    for (const key of KEYS) writer.write(key, 'v', 1, undefined);
    const byName = KEYS.map((key) => resolvePartitioner('fnv1a')(Buffer.from(key), 6));
    expect(written.splice(0)).toEqual(byName);
    expect(byName).not.toEqual(KEYS.map((key) => partitionForKey(Buffer.from(key), 6)));
    for (let n = 0; n < 6; n++) writer.write(null, 'v', 1, undefined);
    expect(new Set(written).size).toBe(6);
  });
});

describe('a record that is forwarded', () => {
  it.each([Number.NaN, Infinity, 0.5, -2, undefined, '5'])('needs a time that Kafka knows, unlike %s', (timestamp) => {
    const { writer, written } = world(() => 0);
    expect(() => writer.write('k', 'v', timestamp as number, undefined)).toThrow(/its timestamp .* is no whole number/);
    expect(written).toEqual([]);
  });

  it('needs a value, or null for a tombstone', () => {
    const { writer, written } = world(() => 0, json() as Serde<unknown>);
    expect(() => writer.write('k', undefined, 1, undefined)).toThrow(/its value is undefined. Forward null/);
    expect(() => writer.write('k', Promise.resolve(1), 1, undefined)).toThrow(/A promise .*has no JSON/);
    expect(written).toEqual([]);
    writer.write('k', null, 1, undefined);
    expect(written).toEqual([0]);
  });

  it('may have no time', () => {
    const { writer, written } = world(() => 0);
    writer.write('k', 'v', -1, undefined);
    expect(written).toEqual([0]);
  });

  it.each<[unknown, string]>([
    [Promise.resolve(Buffer.of(1)), 'a promise'],
    ['text', 'a value of type string'],
    [undefined, 'undefined'],
  ])('needs bytes from its serde, unlike %s', (given, told) => {
    const serde = { ...text, name: 'own', serialize: () => given as Uint8Array };
    const { writer, written } = world(() => 0, serde);
    expect(() => writer.write('k', 'v', 1, undefined)).toThrow(
      `the serde "own" of its value answered ${told}, not bytes.`,
    );
    expect(written).toEqual([]);
  });
});
