import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import type { FeedPosition } from './feed-position.js';
import type { FeedEvent } from './store-feed.js';
import { FeedWorld, type FeedWorldOptions } from './testing/feed-world.js';
import { PagedStore } from './testing/paged-store.js';

const HOUR_MS = 3_600_000;

function positionOf(event: FeedEvent | undefined): FeedPosition | undefined {
  return event !== undefined && 'position' in event ? event.position : undefined;
}

/** What it says, but for the position. */
function described(event: FeedEvent | undefined): string | undefined {
  if (event === undefined || !('key' in event)) return event?.type;
  return `${Buffer.from(event.key).toString()}=${event.value === null ? 'deleted' : Buffer.from(event.value).toString()}`;
}

describe('a feed of a store', () => {
  const worlds: FeedWorld[] = [];
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map((world) => world.close()));
  });
  const open = async (options?: FeedWorldOptions): Promise<FeedWorld> => {
    const world = await FeedWorld.open(options);
    worlds.push(world);
    return world;
  };

  it('says where it begins, if not with all entries, so that a break before the first change loses none', async () => {
    const world = await open();
    await world.write(['0.before']);
    const first = await world.open();
    const event = await first.next();
    expect(event).toMatchObject({ type: 'bookmark', position: { offsets: [1] } });
    await first.close();
    await world.write(['0.meanwhile']);
    const second = await world.open({ after: positionOf(event) });
    await second.readTo(1);
    expect(second.told).toEqual([['0.meanwhile']]);
  });

  it('goes on behind what the snapshot has shown, also where that changed between its pages', async () => {
    const world = await open();
    const store = new PagedStore(world, 1);
    await store.put('a', '0');
    await store.put('b', '0');
    store.onPage = async (pages) => {
      if (pages !== 1) return;
      await store.put('b', '1');
      await store.put('a', '1');
      await store.put('b', '2');
    };
    const first = await world.open({}, store.scan);
    const events = await first.until('snapshot-end');
    expect(events.map(described)).toEqual(['snapshot-begin', 'a=0', 'b=2', 'a=1', 'snapshot-end']);
    await first.close();
    await store.put('c', '0');
    const second = await world.open({ after: positionOf(events.at(-1)) });
    expect(described(await second.next())).toBe('c=0');
  });

  it('has no position before a snapshot has ended, and then at once if nothing changes', async () => {
    const world = await open({ partitions: 2 });
    const store = new PagedStore(world, 1);
    for (const [key, partition] of [
      ['a', 0],
      ['b', 1],
      ['c', 1],
    ] as const)
      await store.put(key, '0', partition);
    store.onPage = async (pages) => {
      if (pages === 2) await store.put('b', '1', 1);
    };
    const busy = await (await world.open({}, store.scan)).until('snapshot-end');
    expect(busy.map(described)).toEqual(['snapshot-begin', 'a=0', 'b=0', 'c=0', 'b=1', 'snapshot-end']);
    expect(busy.map(positionOf).map((position) => position?.offsets)).toEqual([
      ...Array.from({ length: 5 }, () => undefined),
      [1, 3],
    ]);
    const idle = await world.open({ partitions: [0] }, store.scan);
    expect((await idle.until('snapshot-end')).map(described)).toEqual(['snapshot-begin', 'a=0', 'snapshot-end']);
  });

  it('tells every state of a key once and never goes back, wherever it breaks off and is taken up', async () => {
    const key = fc.record({ partition: fc.nat({ max: 1 }), name: fc.constantFrom('a', 'b', 'c', 'd', 'e') });
    const writes = fc.array(fc.record({ key, isDeleted: fc.boolean() }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(writes, { minLength: 3, maxLength: 12 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 5 }),
        async (rounds, pageEntries, breaks) => {
          const world = await FeedWorld.open({ partitions: 2 });
          const store = new PagedStore(world, pageEntries);
          let version = 0;
          const write = async (round: (typeof rounds)[number] = []): Promise<void> => {
            for (const { key: each, isDeleted } of round)
              await store.put(`${each.partition}${each.name}`, isDeleted ? null : String(version++), each.partition);
          };
          const seen = new Map<string, string>();
          const newest = new Map<string, number>();
          let after: FeedPosition | undefined;
          const take = (event: FeedEvent): void => {
            if (event.type === 'snapshot-begin') {
              expect(after).toBeUndefined();
              seen.clear();
              newest.clear();
            }
            if (event.type === 'entry' || event.type === 'change') {
              const name = Buffer.from(event.key).toString();
              if (event.value === null) seen.delete(name);
              else {
                const value = Buffer.from(event.value).toString();
                expect(Number(value)).toBeGreaterThan(newest.get(name) ?? -1);
                newest.set(name, Number(value));
                seen.set(name, value);
              }
            }
            after = positionOf(event) ?? after;
          };
          try {
            store.onPage = () => write(rounds.shift());
            await write(rounds.shift());
            for (const count of breaks) {
              const subscriber = await world.open({ ...(after && { after }) }, store.scan);
              for (let i = 0; i < count; i++) {
                if (after !== undefined && after.offsets.join() === (await world.ends()).join()) break;
                take((await subscriber.next())!);
              }
              await subscriber.close();
              await write(rounds.shift());
            }
            const last = await world.open({ ...(after && { after }) }, store.scan);
            while (after?.offsets.join() !== (await world.ends()).join()) take((await last.next())!);
            expect(seen).toEqual(store.entries);
          } finally {
            await world.close();
          }
        },
      ),
      { numRuns: 60, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: true },
    );
  });

  it.each(['between two entries', 'while it waits for a page'])(
    'ends %s of the snapshot with its client',
    async (when) => {
      const clock = new ManualClock();
      const world = await open({ clock, partitions: 2 });
      const store = new PagedStore(world, 2);
      for (const key of ['a', 'b', 'c']) await store.put(key, '0');
      let pages = 0;
      store.onPage = (before) => {
        pages++;
        return before === 0 ? undefined : new Promise<void>(() => {});
      };
      const subscriber = await world.open({}, store.scan);
      expect(described(await subscriber.next())).toBe('snapshot-begin');
      expect(described(await subscriber.next())).toBe('a=0');
      if (when === 'between two entries') {
        subscriber.abort();
        expect([await subscriber.next(), pages]).toEqual([undefined, 1]);
      } else {
        expect(described(await subscriber.next())).toBe('b=0');
        const reading = subscriber.next();
        await clock.advance(10_000);
        expect(await reading).toEqual({ type: 'idle' });
        const ending = subscriber.next();
        await clock.settle();
        subscriber.abort();
        expect([await ending, pages]).toEqual([undefined, 2]);
      }
      expect([world.log.readersOpen, world.tails.size, clock.pendingTimers]).toEqual([0, 0, 0]);
    },
  );

  it('ends with the error of a page that cannot be read', async () => {
    const world = await open();
    const store = new PagedStore(world, 1);
    for (const key of ['a', 'b']) await store.put(key, '0');
    store.onPage = (before) => (before === 0 ? undefined : Promise.reject(new Error('no owner')));
    const subscriber = await world.open({}, store.scan);
    await expect(subscriber.until('snapshot-end')).rejects.toThrow('no owner');
    expect(world.tails.size).toBe(0);
  });

  it('can be resumed after days without changes, if it was connected or gone for less than nine tenths of the retention', async () => {
    const clock = new ManualClock();
    const world = await open({ clock });
    const subscriber = await world.open();
    let position = positionOf(await subscriber.next());
    for (let hour = 0; hour < 72; hour++) {
      const reading = subscriber.next();
      await clock.advance(HOUR_MS);
      position = positionOf(await reading) ?? position;
    }
    await subscriber.close();
    await clock.advance(21 * HOUR_MS);
    const resumed = await world.open({ after: position });
    const reading = resumed.next();
    await clock.advance(10_000);
    // At once, since the one it brought is old.
    expect(await reading).toMatchObject({ type: 'bookmark', position: { at: clock.now() - 10_000 } });
  });

  it('comes to the end of a changelog that ends with the marker of a transaction, committed or aborted', async () => {
    const clock = new ManualClock();
    const world = await open({ clock });
    const producer = world.log.openTransactionalProducer({ role: 'test', transactionalId: 'tx' });
    await producer.init();
    const subscriber = await world.open();
    await subscriber.next();
    for (const end of ['commit', 'abort'] as const) {
      producer.append(world.topic, 0, Buffer.from('0.key'), Buffer.from('value'), 1);
      await producer.flush();
      await producer[end]();
    }
    await subscriber.readTo(1);
    const times = new Set<number>();
    for (let hour = 0; hour < 9; hour++) {
      const reading = subscriber.next();
      await clock.advance(HOUR_MS);
      const position = positionOf(await reading);
      if (position) times.add(position.at);
    }
    expect(times.size).toBeGreaterThanOrEqual(2);
  });

  it('cannot be resumed where deletions that it has not told may be gone, however young its last event is', async () => {
    const clock = new ManualClock();
    const world = await open({ clock });
    await world.write(['0.0', '0.1', '0.2', '0.3']);
    const written = clock.now();
    await clock.advance(20 * HOUR_MS);
    const first = await world.open({ after: { at: written, offsets: [0] } });
    const position = positionOf(await first.next());
    expect(position).toEqual({ at: written, offsets: [1] });
    await first.close();
    await clock.advance(20 * HOUR_MS);
    await expect(world.open({ after: position })).rejects.toMatchObject({ problem: { name: 'feed-gone' } });
  });

  it('is never at a time before which something was written that it has not told', async () => {
    const step = fc.oneof(
      fc.record({ put: fc.nat({ max: 1 }) }),
      fc.record({ pass: fc.integer({ min: 1, max: 4 * HOUR_MS }) }),
      fc.record({ read: fc.integer({ min: 1, max: 3 }) }),
      fc.constant({ resume: true as const }),
    );
    let refreshed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        const clock = new ManualClock();
        const world = await FeedWorld.open({ clock, partitions: 2 });
        const written: number[][] = [[], []];
        try {
          let subscriber = await world.open();
          let position = positionOf(await subscriber.next())!;
          for (const each of steps) {
            if ('put' in each) {
              await world.put('key', 'value', each.put);
              written[each.put].push(clock.now());
            } else if ('pass' in each) await clock.advance(each.pass);
            else if ('resume' in each) {
              await subscriber.close();
              if (clock.now() - position.at > 24 * HOUR_MS) break;
              subscriber = await world.open({ after: position });
            } else
              for (let i = 0; i < each.read; i++) {
                const event = await clock.run(subscriber.next());
                const next = positionOf(event) ?? position;
                if (next.at !== position.at) refreshed++;
                position = next;
                for (const [partition, times] of written.entries())
                  for (const time of times.slice(position.offsets[partition]))
                    expect(time).toBeGreaterThanOrEqual(position.at);
              }
          }
          await subscriber.close();
        } finally {
          await world.close();
        }
      }),
      { numRuns: 40, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: true },
    );
    expect(refreshed).toBeGreaterThan(0);
  });
});
