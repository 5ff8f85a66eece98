import { describe, expect, it } from 'vitest';
import { LATEST_COMMITTED, type Freshness, type ReadBounds } from '../reads/partition-reads.js';
import { decodeMessage, encodeMessage } from './peer-message.js';
import { decodeRequest, decodeValues, encodeRequest, encodeValues, type PeerRequest } from './peer-protocol.js';

const MIB = 1024 * 1024;
const target = { store: 's', partition: 3 };

function sent(request: PeerRequest): PeerRequest {
  return decodeRequest(decodeMessage(encodeMessage(encodeRequest(request))));
}

describe('what a call asks', () => {
  it.each<ReadBounds>([
    LATEST_COMMITTED,
    { isolation: 'uncommitted', waitMs: 20 },
    { ...LATEST_COMMITTED, position: 7, sources: [{ topic: 't', offset: 5 }] },
    { ...LATEST_COMMITTED, maxStalenessMs: 0 },
    { ...LATEST_COMMITTED, maxStalenessMs: Infinity },
  ])('is as fresh at the other instance as here: %j', (bounds) => {
    const part = { range: { gte: Buffer.from('a') }, reverse: false, limit: 5 };
    expect(sent({ op: 'get', target, keys: [], bounds })).toEqual({ op: 'get', target, keys: [], bounds });
    expect(sent({ op: 'scan', target, part, bounds })).toEqual({ op: 'scan', target, part, bounds });
  });
});

describe('an answer with values', () => {
  const freshness: Freshness = {
    partition: 3,
    position: 9,
    role: 'standby',
    lag: undefined,
    stalenessMs: Infinity,
    instanceId: 'b',
    epoch: 1,
  };

  it.each([
    [[], 0],
    [[1, undefined, 0], 3],
    [[undefined, 20 * MIB], 1],
    [[20 * MIB, undefined], 1],
    [[3 * MIB, MIB, undefined, 0, 1, 2], 4],
  ])('carries of values of %j bytes the first %i, with their freshness', (sizes, carried) => {
    const values = sizes.map((size) => (size === undefined ? undefined : Buffer.alloc(size)));
    const answer = decodeValues(decodeMessage(encodeMessage(encodeValues({ values, freshness }))));
    expect(answer.values.map((value) => value?.length)).toEqual(sizes.slice(0, carried));
    expect(answer.freshness).toEqual(freshness);
  });
});
