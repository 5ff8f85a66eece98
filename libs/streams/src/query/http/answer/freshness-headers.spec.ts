import { describe, expect, it } from 'vitest';
import type { Freshness } from '../../reads/partition-reads.js';
import { scanHeaders } from './freshness-headers.js';

describe('the headers of a scan', () => {
  const answers = (count: number): Freshness[] =>
    Array.from({ length: count }, (_, partition) => ({
      partition,
      position: 1_000_000 + partition,
      role: 'active',
      lag: 1,
      stalenessMs: partition,
      instanceId: 'a',
      epoch: 1,
    }));

  it('name the position of each partition, and the worst of the rest', () => {
    expect(scanHeaders('s', 'a', answers(2))).toEqual({
      'Streams-Instance': 'a',
      'Streams-Position': 's:0:1000000,s:1:1000001',
      'Streams-Role': 'active',
      'Streams-Lag': '2',
      'Streams-Staleness': '1',
    });
  });

  it('leave positions out that would not fit into what clients take', () => {
    const headers = scanHeaders('a-store-of-many-partitions', 'a', answers(1000));
    expect(headers['Streams-Position']).toBeUndefined();
    expect(headers['Streams-Lag']).toBe('1000');
  });
});
