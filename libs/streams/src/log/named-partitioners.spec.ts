import { describe, expect, it } from 'vitest';
import { resolvePartitioner, type PartitionerName } from './named-partitioners.js';

const keys = [
  '',
  '61',
  '6162',
  '616263',
  '6163636f756e742d3137',
  '6772c3bcc39f65',
  '00ff8007c8',
  'ffffffffffffffffff',
  '637573746f6d65723a323032342d30312d3031',
].map((hex) => Buffer.from(hex, 'hex'));

/** What librdkafka 2.16.0 answers for the keys above with 7 partitions, and with 2^31 - 1. */
const answers: Readonly<Record<string, readonly [number, number][]>> = {
  consistent: [
    [0, 0],
    [4, 1756872260],
    [5, 511920238],
    [5, 891568578],
    [4, 1277047958],
    [3, 879643117],
    [1, 602682921],
    [0, 1797265553],
    [4, 180011976],
  ],
  murmur2: [
    [2, 275646681],
    [5, 584102524],
    [0, 316155434],
    [4, 479470107],
    [0, 1715166964],
    [5, 1943707148],
    [4, 855926243],
    [0, 1612811207],
    [4, 906720133],
  ],
  fnv1a: [
    [2, 2128831035],
    [6, 468965076],
    [2, 1294271946],
    [5, 440920331],
    [2, 181444237],
    [0, 168736344],
    [1, 500872681],
    [1, 1208304378],
    [3, 515209131],
  ],
};

describe('a named partitioner', () => {
  for (const [name, expected] of Object.entries(answers)) {
    for (const form of [name, `${name}_random`]) {
      it(`${form}: answers what librdkafka answers`, () => {
        const partitioner = resolvePartitioner(form as PartitionerName);
        expect(keys.map((key) => [partitioner(key, 7), partitioner(key, 2 ** 31 - 1)])).toEqual(expected);
      });
    }
  }

  it('is a function of the user as it is', () => {
    const own = (): number => 3;
    expect(resolvePartitioner(own)).toBe(own);
  });

  it('is refused where keys would have no partition of their own, or where nobody knows its name', () => {
    expect(() => resolvePartitioner('random' as never)).toThrow(/topic that is partitioned by key/);
    expect(() => resolvePartitioner('murmur3' as never)).toThrow(/Unknown partitioner "murmur3"/);
  });
});
