import { describe, expect, it } from 'vitest';
import { PositionToken } from './position-token.js';
import { boundsOf, type FreshnessRequest } from './freshness-request.js';
import type { Topology } from '../../topology/topology.js';

const topology = {
  subTopologies: [{ stores: [{ name: 'balances' }], sources: [{ topic: 'payments' }] }],
} as unknown as Topology;
const bounds = (request: FreshnessRequest): object => boundsOf(topology, 'balances', request)(1);
const elsewhere = PositionToken.ofTopic('orders', 1, 5);

describe('the bounds of a request', () => {
  it('come from what its position says of the store and of the topics that feed it', () => {
    const position = PositionToken.merge([
      PositionToken.ofStore('balances', 1, 7),
      PositionToken.ofTopic('payments', 1, 3),
      PositionToken.ofTopic('payments', 2, 9),
      elsewhere,
    ]);
    expect(bounds({ position })).toEqual({
      isolation: 'committed',
      waitMs: 0,
      position: 7,
      sources: [{ topic: 'payments', offset: 3 }],
    });
  });

  it('are refused for a position that has nothing to do with the store, and not for what was seen elsewhere', () => {
    expect(() => bounds({ position: elsewhere })).toThrow(/names neither/);
    expect(bounds({ seen: elsewhere })).toEqual({ isolation: 'committed', waitMs: 0 });
    const seen = PositionToken.merge([elsewhere, PositionToken.ofStore('balances', 1, 9)]);
    expect(bounds({ seen, position: PositionToken.ofStore('balances', 1, 7) })).toMatchObject({ position: 9 });
  });
});
