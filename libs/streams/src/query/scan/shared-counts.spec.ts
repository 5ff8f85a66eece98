import { describe, expect, it } from 'vitest';
import { LATEST_COMMITTED, type CountAnswer, type PartitionReads, type ReadBounds } from '../reads/partition-reads.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { QueryError } from '../problem/query-error.js';
import { SharedCounts } from './shared-counts.js';

const target = { store: 'balances', partition: 0 };
const part = { range: {}, reverse: false, limit: 1 };

/** Counts that end when the test says so. */
class HeldCounts implements Pick<PartitionReads, 'count'> {
  readonly asked: {
    readonly bounds: ReadBounds;
    readonly answer: (count: number) => void;
    readonly refuse: (error: Error) => void;
  }[] = [];

  count(_target: unknown, _part: unknown, bounds: ReadBounds): Promise<CountAnswer> {
    return new Promise((resolve, reject) => {
      bounds.signal?.addEventListener('abort', () => reject(bounds.signal?.reason as Error));
      const freshness = { partition: 0, position: 1, stalenessMs: 0, lag: 0, instanceId: 'a', epoch: 1 };
      this.asked.push({
        bounds,
        refuse: reject,
        answer: (count) => resolve({ count, freshness: { ...freshness, role: 'active' } }),
      });
    });
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function counts(): { readonly clock: ManualClock; readonly held: HeldCounts; readonly shared: SharedCounts } {
  const held = new HeldCounts();
  const clock = new ManualClock();
  return { clock, held, shared: new SharedCounts(held as unknown as PartitionReads, clock) };
}

describe('concurrent counts of a partition', () => {
  it('share one reading that begins after they asked, and run one at a time', async () => {
    const { held, shared } = counts();
    const first = [shared.of(target, part, LATEST_COMMITTED), shared.of(target, part, LATEST_COMMITTED)];
    await turn();
    const later = [shared.of(target, part, LATEST_COMMITTED), shared.of(target, part, LATEST_COMMITTED)];
    await turn();
    expect(held.asked).toHaveLength(1);
    held.asked[0].answer(1);
    expect((await Promise.all(first)).map(({ count }) => count)).toEqual([1, 1]);
    await turn();
    expect(held.asked).toHaveLength(2);
    held.asked[1].answer(2);
    expect((await Promise.all(later)).map(({ count }) => count)).toEqual([2, 2]);
  });

  it('do not share with counts of other bounds or conditions', async () => {
    const { held, shared } = counts();
    void shared.of(target, part, LATEST_COMMITTED);
    void shared.of(target, { ...part, where: ['a=1'] }, LATEST_COMMITTED);
    void shared.of(target, { ...part, range: { gte: Buffer.from('a') } }, LATEST_COMMITTED);
    void shared.of(target, part, { ...LATEST_COMMITTED, position: 5 });
    await turn();
    expect(held.asked).toHaveLength(4);
  });

  it('wait for what each asks for no longer than it allows from its own question on, shared or not', async () => {
    const { clock, held, shared } = counts();
    const ask = (waitMs: number): Promise<unknown> =>
      shared.of(target, part, { ...LATEST_COMMITTED, waitMs }).then(
        ({ count }) => count,
        (error: unknown) => (error as QueryError).problem.name,
      );
    const running = ask(0);
    await turn();
    const waiting = [ask(5000), ask(9000), ask(0)];
    await clock.advance(3000);
    held.asked[0].answer(1);
    expect(await running).toBe(1);
    await turn();
    const late = ask(8000);
    const unmet = (): Error => new QueryError('position-not-reached', 'Not yet.');
    held.asked[1].refuse(unmet());
    await turn();
    held.asked[2].refuse(unmet());
    await turn();
    held.asked[3].answer(2);
    expect(await Promise.all(waiting)).toEqual(['position-not-reached', 2, 'position-not-reached']);
    await turn();
    await clock.advance(1000);
    held.asked[4].answer(3);
    expect(await late).toBe(3);
    expect(held.asked.map(({ bounds }) => bounds.waitMs)).toEqual([0, 0, 2000, 6000, 8000]);
  });

  it('do not wait behind an equal one that may wait longer', async () => {
    const { clock, held, shared } = counts();
    const ask = (waitMs: number): Promise<number> =>
      shared.of(target, part, { ...LATEST_COMMITTED, waitMs }).then(({ count }) => count);
    const patient = ask(60_000);
    await turn();
    await clock.advance(1000);
    const hasty = [ask(0), ask(0)];
    await turn();
    expect(held.asked.map(({ bounds }) => bounds.waitMs)).toEqual([60_000, 0]);
    held.asked[1].answer(2);
    expect(await Promise.all(hasty)).toEqual([2, 2]);
    held.asked[0].answer(3);
    expect(await patient).toBe(3);
  });

  it('fail for all who share them where waiting would not help', async () => {
    const { held, shared } = counts();
    const both = [1000, 2000].map((waitMs) => shared.of(target, part, { ...LATEST_COMMITTED, waitMs }));
    await turn();
    held.asked[0].refuse(new Error('broken'));
    expect(await Promise.allSettled(both)).toMatchObject([
      { reason: { message: 'broken' } },
      { reason: { message: 'broken' } },
    ]);
    expect(held.asked).toHaveLength(1);
  });

  it('end when all who asked have gone, and not before', async () => {
    const { held, shared } = counts();
    const [a, b, c] = [new AbortController(), new AbortController(), new AbortController()];
    const ask = ({ signal }: AbortController): Promise<unknown> =>
      shared.of(target, part, { ...LATEST_COMMITTED, signal }).then(
        ({ count }) => count,
        (error: unknown) => error,
      );
    const running = [ask(a), ask(b)];
    await turn();
    const waiting = ask(c);
    c.abort('c');
    const joined = shared.of(target, part, LATEST_COMMITTED);
    a.abort('a');
    expect(held.asked[0].bounds.signal?.aborted).toBe(false);
    b.abort('b');
    expect(held.asked[0].bounds.signal?.aborted).toBe(true);
    expect([...(await Promise.all(running)), await waiting]).toEqual(['a', 'b', 'c']);
    await turn();
    expect(held.asked).toHaveLength(2);
    held.asked[1].answer(3);
    expect((await joined).count).toBe(3);
  });
});
