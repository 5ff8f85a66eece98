import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QueryError } from '../problem/query-error.js';
import { LATEST_COMMITTED, type Freshness, type ReadBounds, type ValuesAnswer } from '../reads/partition-reads.js';
import { ValueBudget } from '../reads/value-budget.js';
import type { PeerClient } from './peer-client.js';
import { decodeMessage, encodeMessage, type PeerMessage } from './peer-message.js';
import { decodeRequest, encodeValues, REQUEST_MAX_BYTES, type PeerRequest } from './peer-protocol.js';
import { PeerReads } from './peer-reads.js';
import { PEER_MAX_BYTES } from './peer.js';

type GetRequest = Extract<PeerRequest, { op: 'get' }>;

const MIB = 1024 * 1024;
const target = { store: 's', partition: 0 };
const fresh: Freshness = {
  partition: 0,
  position: 1,
  role: 'active',
  lag: 0,
  stalenessMs: 0,
  instanceId: 'b',
  epoch: 1,
};

/** The other instance: what it is asked goes through the bytes of a call, and its answer too. */
class Owner {
  readonly asked: GetRequest[] = [];
  /** Beyond the usual time-out of a call. */
  readonly waits: (number | undefined)[] = [];
  valuesRead = 0;
  readonly reads: PeerReads;

  constructor(private readonly answer: (request: GetRequest, call: number) => ValuesAnswer | Promise<ValuesAnswer>) {
    const client: Pick<PeerClient, 'call'> = {
      call: async (_operation, _peer, message, decode, waitMs) => decode(await this.call(message, waitMs)),
    };
    this.reads = new PeerReads({ instanceId: 'b', url: 'http://b' }, client as PeerClient);
  }

  get(keys: readonly string[], bounds: ReadBounds = LATEST_COMMITTED): Promise<ValuesAnswer> {
    return this.reads.get(
      target,
      keys.map((key) => Buffer.from(key)),
      bounds,
    );
  }

  private async call(message: PeerMessage, waitMs: number | undefined): Promise<PeerMessage> {
    this.waits.push(waitMs);
    const body = encodeMessage(message);
    expect(body.length).toBeLessThanOrEqual(REQUEST_MAX_BYTES);
    const request = decodeRequest(decodeMessage(body)) as GetRequest;
    this.asked.push(request);
    const answer = await this.answer(request, this.asked.length);
    this.valuesRead += answer.values.length;
    const bytes = encodeMessage(encodeValues(answer));
    expect(bytes.length).toBeLessThanOrEqual(PEER_MAX_BYTES);
    return decodeMessage(bytes);
  }
}

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `k${n}`);

describe('point reads at another instance', () => {
  it('are answered with all their values, however large those of a look-up are together', async () => {
    const value = Buffer.alloc(80_000);
    const owner = new Owner(({ keys }) => ({
      values: keys.map((key) => Buffer.concat([key, value])),
      freshness: fresh,
    }));
    const keys = names(1000);
    const { values } = await owner.get(keys);
    expect(values.map((each) => each?.subarray(0, -value.length).toString())).toEqual(keys);
    expect(owner.valuesRead).toBeLessThan(4 * keys.length);
  });

  it('end where the budget of their look-up is spent, also those that share a call', async () => {
    const value = Buffer.alloc(100_000);
    const owner = new Owner(({ keys, maxBytes = Infinity }) => ({
      values: keys.slice(0, Math.max(1, Math.floor(maxBytes / value.length))).map(() => value),
      freshness: fresh,
    }));
    const keys = names(1000).map((key) => Buffer.from(key));
    for (const bounds of [LATEST_COMMITTED, { ...LATEST_COMMITTED, position: 1 }]) {
      const budget = new ValueBudget(MIB, 256 * 1024);
      const look = (): Promise<ValuesAnswer> => owner.reads.get(target, keys, bounds, budget);
      const answers = await Promise.all([look(), look()]);
      const bytes = answers.flatMap(({ values }) => values).reduce((sum, each) => sum + each!.length, 0);
      expect(bytes).toBe(1_000_000);
    }
    expect(owner.valuesRead).toBeLessThan(100);
  });

  it('give back to the budget what they took if they fail', async () => {
    const owner = new Owner(({ keys }, call) => {
      if (call === 2) throw new Error('gone');
      return { values: keys.slice(0, 1).map(() => Buffer.alloc(600)), freshness: fresh };
    });
    const budget = new ValueBudget(1000);
    const keys = names(2).map((key) => Buffer.from(key));
    await expect(owner.reads.get(target, keys, LATEST_COMMITTED, budget)).rejects.toThrow('gone');
    expect(budget.admit(1000)).toBe(true);
  });

  it('are answered, however large the values are that others ask for at the time', async () => {
    const value = Buffer.alloc(900_000);
    const owner = new Owner(({ keys }) => ({
      values: keys.map((key) => Buffer.concat([key, value])),
      freshness: fresh,
    }));
    const keys = names(200);
    const answers = await Promise.all(keys.map((key) => owner.get([key])));
    expect(answers.map(({ values: [each] }) => each?.subarray(0, -value.length).toString())).toEqual(keys);
    expect(owner.valuesRead).toBeLessThan(4 * keys.length);
  });

  it('share calls again as before once values are small again', async () => {
    let value = Buffer.alloc(3 * MIB);
    const owner = new Owner(({ keys }) => ({ values: keys.map(() => value), freshness: fresh }));
    await Promise.all(names(20).map((key) => owner.get([key])));
    value = Buffer.alloc(1);
    await Promise.all(names(1001).map((key) => owner.get([key])));
    const before = owner.asked.length;
    await Promise.all(names(1001).map((key) => owner.get([key])));
    expect(owner.asked.slice(before).map(({ keys }) => keys.length)).toEqual([1, 500, 500]);
  });

  it('are answered, however long the keys of a look-up, or of others, are', async () => {
    const owner = new Owner(({ keys }) => ({ values: keys.map((key) => key.subarray(0, 5)), freshness: fresh }));
    const keys = Array.from({ length: 200 }, (_, n) => `${n}`.padStart(5, '0') + '.'.repeat(60_000));
    const prefixes = keys.map((key) => key.slice(0, 5));
    const lookedUp = await owner.get(keys);
    expect(lookedUp.values.map(String)).toEqual(prefixes);
    const single = await Promise.all(keys.map((key) => owner.get([key])));
    expect(single.map(({ values: [each] }) => String(each))).toEqual(prefixes);
  });

  it('answer each look-up with its own values, whatever sizes keys and values have', async () => {
    const size = fc.constantFrom(0, 1, 100_000, 700_000, 5 * MIB);
    const lookUp = fc.array(fc.record({ key: fc.constantFrom(1, 300_000), value: fc.option(size) }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(lookUp, { maxLength: 8 }), async (lookUps) => {
        const model = new Map<string, number | null>();
        const owner = new Owner(({ keys }) => ({
          values: keys.map((key) => {
            const bytes = model.get(String(key));
            return bytes == null ? undefined : Buffer.alloc(bytes, key);
          }),
          freshness: fresh,
        }));
        let next = 0;
        const asked = lookUps.map((each) =>
          each.map(({ key, value }) => {
            const name = `${next++}`.padEnd(key, '.');
            model.set(name, value);
            return name;
          }),
        );
        const answers = await Promise.all(asked.map((keys) => owner.get(keys)));
        expect(answers.map(({ values }) => values.map((value) => value?.length ?? null))).toEqual(
          asked.map((keys) => keys.map((key) => model.get(key))),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('show in every part at least the position that the answer carries, and tell the age of the oldest part', async () => {
    const value = Buffer.alloc(3 * MIB);
    const owner = new Owner(({ keys }, call) => ({
      values: keys.map(() => value),
      freshness: { ...fresh, position: 10 + call, stalenessMs: call === 2 ? 700 : 0 },
    }));
    const bounds: ReadBounds = { ...LATEST_COMMITTED, position: 5, maxStalenessMs: 1000 };
    const { values, freshness } = await owner.get(names(3), bounds);
    expect(values).toHaveLength(3);
    expect(freshness).toEqual({ ...fresh, position: 11, stalenessMs: 700 });
    expect(owner.asked.map((each) => each.bounds)).toEqual([
      bounds,
      { ...bounds, position: 11 },
      { ...bounds, position: 11 },
    ]);
  });

  it('that share a call carry the position of the part in which their own values begin', async () => {
    const value = Buffer.alloc(3 * MIB);
    const owner = new Owner(({ keys }, call) => ({
      values: keys.map(() => value),
      freshness: { ...fresh, position: 10 + call },
    }));
    const answers = await Promise.all([['a'], ['b'], ['c', 'd'], ['e']].map((keys) => owner.get(keys)));
    expect(answers.map(({ values, freshness }) => [values.length, freshness.position])).toEqual([
      [1, 11],
      [1, 12],
      [2, 13],
      [1, 15],
    ]);
    expect(owner.asked.at(-2)?.bounds.position).toBe(13);
  });

  it('fail if an answer has no value at all, instead of asking on and on', async () => {
    const owner = new Owner(() => ({ values: [], freshness: fresh }));
    const answers = await Promise.allSettled([owner.get(['a']), owner.get(['b', 'c']), owner.get(['d'])]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  it('are asked with a wait that timers reach, however long whoever asks would wait', async () => {
    const owner = new Owner(({ keys }) => ({ values: keys, freshness: fresh }));
    const waits = [1000, 3_000_000_000, Infinity];
    for (const waitMs of waits) await owner.get(['a'], { ...LATEST_COMMITTED, waitMs });
    expect(owner.asked.map(({ bounds }) => bounds.waitMs)).toEqual([1000, 60_000, 60_000]);
    expect(owner.waits).toEqual([1000, 60_000, 60_000]);
  });

  describe('that wait for a call', () => {
    /** Three batches wait while the first of them is under way, and another look-up comes then. @returns what became of them, and the calls that were made. */
    async function outcomes(failure: QueryError): Promise<[string[], number]> {
      const late: Promise<ValuesAnswer>[] = [];
      const owner = new Owner(async ({ keys }, call) => {
        if (call !== 2) return { values: keys, freshness: fresh };
        late.push(owner.get(['late']));
        throw failure;
      });
      const early = Array.from({ length: 4 }, () => owner.get(names(600)));
      const settled = await Promise.allSettled(early);
      settled.push(...(await Promise.allSettled(late)));
      return [
        settled.map((each) => (each.status === 'rejected' ? String(each.reason.message) : 'answered')),
        owner.asked.length,
      ];
    }

    it('time out with the one before theirs if they have waited for as long, and no later ones do', async () => {
      const failure = new QueryError('peer-timeout', 'late');
      expect(await outcomes(failure)).toEqual([['answered', 'late', 'late', 'late', 'answered'], 3]);
    });

    it('are sent after one that has failed at once', async () => {
      const failure = new QueryError('peer-unreachable', 'gone');
      expect(await outcomes(failure)).toEqual([['answered', 'gone', 'answered', 'answered', 'answered'], 5]);
    });
  });
});
