import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LATEST_COMMITTED, type Freshness, type ReadBounds } from '../reads/partition-reads.js';
import { MalformedMessageError } from './message-fields.js';
import { decodeMessage, encodeMessage, type PeerMessage } from './peer-message.js';
import {
  decodeCount,
  decodeEntries,
  decodeRequest,
  decodeValues,
  encodeRequest,
  encodeValues,
  type PeerRequest,
} from './peer-protocol.js';
import { reportIn } from './peer-status.js';

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

describe('a message of arbitrary JSON', () => {
  const field = fc.constantFrom('op', 'target', 'bounds', 'part', 'freshness', 'count', 'store', 'partition', 'role');
  const heads = fc.dictionary(field, fc.oneof(fc.dictionary(field, fc.jsonValue()), fc.jsonValue()));
  const blobs = fc.array(fc.option(fc.uint8Array({ maxLength: 3 }), { nil: undefined }), { maxLength: 4 });

  it.each<[string, (message: PeerMessage) => unknown]>([
    ['call', decodeRequest],
    ['look-up', decodeValues],
    ['scan', decodeEntries],
    ['count', decodeCount],
    ['report', ({ head }) => reportIn(head)],
  ])('is read as a %s or refused with its fault', (_, decode) => {
    fc.assert(
      fc.property(heads, blobs, (head, bytes) => {
        try {
          decode({ head: head as PeerMessage['head'], blobs: bytes });
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessageError);
        }
      }),
    );
  });
});
