import { describe, expect, it } from 'vitest';
import { LATEST_COMMITTED, type CountAnswer, type PartitionReads, type ReadBounds } from '../reads/partition-reads.js';
import { SharedCounts } from './shared-counts.js';

const target = { store: 'balances', partition: 0 };
const part = { range: {}, reverse: false, limit: 1 };

/** Counts that end when the test says so. */
class HeldCounts implements Pick<PartitionReads, 'count'> {
  readonly asked: { readonly bounds: ReadBounds; readonly answer: (count: number) => void }[] = [];

  count(_target: unknown, _part: unknown, bounds: ReadBounds): Promise<CountAnswer> {
    return new Promise((resolve, reject) => {
      bounds.signal?.addEventListener('abort', () => reject(bounds.signal?.reason as Error));
      const freshness = { partition: 0, position: 1, stalenessMs: 0, lag: 0, instanceId: 'a', epoch: 1 };
      this.asked.push({
        bounds,
        answer: (count) => resolve({ count, freshness: { ...freshness, role: 'active' } }),
      });
    });
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function counts(): { readonly held: HeldCounts; readonly shared: SharedCounts } {
  const held = new HeldCounts();
  return { held, shared: new SharedCounts(held as unknown as PartitionReads) };
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
