import { afterEach, describe, expect, it } from 'vitest';
import { LogError } from '../../../errors/log-error.js';
import { ManualClock } from '../../../testing/manual-clock.js';
import { FeedWorld, type FeedWorldOptions } from '../testing/feed-world.js';
import type { TailFollower } from './tail-window.js';

const values = (count: number, partition = 0, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `${partition}.${from + i}`);

describe('the tail of a changelog', () => {
  const worlds: FeedWorld[] = [];
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map((world) => world.close()));
  });
  const open = async (options?: FeedWorldOptions): Promise<FeedWorld> => {
    const world = await FeedWorld.open(options);
    worlds.push(world);
    return world;
  };

  it('opens one reader for any number of feeds that have caught up', async () => {
    const world = await open({ partitions: 3 });
    const subscribers = await Promise.all(Array.from({ length: 20 }, () => world.subscribe()));
    const reading = subscribers.map((subscriber) => subscriber.readTo(30));
    for (const partition of world.partitions) await world.write(values(10, partition), partition);
    await Promise.all(reading);
    for (const { told } of subscribers) expect(told).toEqual(world.partitions.map((each) => values(10, each)));
    expect([world.log.readersOpened, world.log.readersOpen]).toEqual([1, 1]);
  });

  it('gives a feed that falls behind the window a reader of its own, and takes it back once it has caught up', async () => {
    // A clock that stands still: the slow one must not delay the fast one at all.
    const world = await open({ clock: new ManualClock(), windowMaxBytes: 2000, fetchMaxBytes: 300 });
    const [fast, slow] = [await world.subscribe(), await world.subscribe()];
    const begun = [fast.readTo(1), slow.readTo(1)];
    await world.write(values(1));
    await Promise.all(begun);
    const reading = fast.readTo(200);
    await world.write(values(199, 0, 1));
    await reading;
    expect(world.log.readersOpened, 'while the slow one takes nothing').toBe(1);
    await slow.readTo(50);
    expect([world.log.readersOpened, world.log.readersOpen]).toEqual([2, 2]);
    await slow.readTo(200);
    const waiting = [slow.readTo(201), fast.readTo(201)];
    await expect.poll(() => world.log.readersOpen).toBe(1);
    await world.write(values(1, 0, 200));
    await Promise.all(waiting);
    expect(slow.told).toEqual([values(201)]);
    expect(world.log.readersOpened).toBe(2);
  });

  it('serves a feed that begins far back, and others meanwhile', async () => {
    const world = await open({ partitions: 2, windowMaxBytes: 2000, fetchMaxBytes: 300 });
    await world.write(values(300));
    const late = await world.subscribe([0, 0]);
    const others = await Promise.all([world.subscribe(), world.subscribe(undefined, [1])]);
    const reading = [late.readTo(310), ...others.map((each) => each.readTo(10))];
    await world.write(values(10, 1), 1);
    await Promise.all(reading);
    expect(late.told).toEqual([values(300), values(10, 1)]);
    for (const { told } of others) expect(told).toEqual([[], values(10, 1)]);
  });

  it('waits for its followers a moment before it leaves them behind, and keeps no more than its bound', async () => {
    const clock = new ManualClock();
    const world = await open({ clock, windowMaxBytes: 2000, fetchMaxBytes: 300 });
    const follower: TailFollower = { partitions: [0], isWaiting: false, wake: () => {}, fail: () => {} };
    const tail = world.tails.join(follower, { log: world.log, topic: world.topic, clock });
    await expect.poll(() => tail.startOf(0)).toBe(0);
    await world.write(values(300));
    await expect.poll(() => clock.pendingTimers).toBe(1);
    expect(tail.startOf(0)).toBe(0);
    expect(tail.byteLength).toBeLessThanOrEqual(2000);
    await clock.advance(1000);
    await expect.poll(() => tail.startOf(0)).toBeGreaterThan(250);
    await expect.poll(() => tail.read(0, 299)?.bounds.nextOffset).toBe(300);
    expect(tail.byteLength).toBeLessThanOrEqual(2000);
    expect(tail.byteLength).toBeGreaterThan(0);
    await tail.leave(follower);
    expect([tail.byteLength, clock.pendingTimers, world.log.readersOpen]).toEqual([0, 0, 0]);
  });

  it('reads a partition no longer once nobody follows it, and from shortly before its end when somebody does again', async () => {
    const world = await open({ partitions: 2 });
    const follow = (...partitions: number[]): TailFollower => ({
      partitions,
      isWaiting: true,
      wake: () => {},
      fail: () => {},
    });
    const [both, one] = [follow(0, 1), follow(1)];
    const options = { log: world.log, topic: world.topic, clock: new ManualClock() };
    const tail = world.tails.join(both, options);
    expect(world.tails.join(one, options)).toBe(tail);
    await expect.poll(() => tail.startOf(0)).toBe(0);
    await tail.leave(both);
    await world.write(values(300));
    await world.write(values(10, 1), 1);
    await expect.poll(() => tail.read(1, 9)?.bounds.nextOffset).toBe(10);
    expect(tail.startOf(0)).toBeUndefined();
    const again = follow(0);
    tail.join(again);
    await expect.poll(() => tail.startOf(0)).toBe(200);
    await expect.poll(() => tail.read(0, 299)?.bounds.nextOffset).toBe(300);
    await Promise.all([tail.leave(one), tail.leave(again)]);
  });

  it('says when nothing has happened for a while', async () => {
    const clock = new ManualClock();
    const world = await open({ clock });
    const subscriber = await world.subscribe([0]);
    for (let round = 0; round < 3; round++) {
      const reading = subscriber.next();
      await clock.advance(10_000);
      expect(await reading).toEqual({ type: 'idle' });
    }
    expect(clock.pendingTimers).toBe(0);
  });

  it('closes the reader with the last feed', async () => {
    const world = await open();
    const [a, b] = [await world.subscribe([0]), await world.subscribe([0])];
    const reading = [a.next(), b.next()];
    await expect.poll(() => world.log.readersOpen).toBe(1);
    a.abort();
    expect(await reading[0]).toBeUndefined();
    expect(world.log.readersOpen).toBe(1);
    b.abort();
    expect(await reading[1]).toBeUndefined();
    expect([world.log.readersOpen, world.tails.size]).toEqual([0, 0]);
  });

  it('leaves nothing open where a feed is never read, or ends before the changelog was found', async () => {
    const world = await open();
    await world.subscribe();
    expect(world.tails.size).toBe(0);
    const other = await world.subscribe([0]);
    const reading = other.next();
    other.abort();
    await reading;
    expect([world.log.readersOpened, world.log.readersOpen, world.tails.size]).toEqual([1, 0, 0]);
  });

  it('ends only those feeds whose partition cannot be begun', async () => {
    const world = await open({ partitions: 2 });
    const first = await world.subscribe(undefined, [0]);
    const reading = first.readTo(1);
    await expect.poll(() => world.log.readersOpen).toBe(1);
    const second = await world.subscribe([0, 0]);
    const { admin } = world.log;
    const { endOffsets } = admin;
    admin.endOffsets = () => Promise.reject(new LogError('retriable', 'LOG_CONNECTION', 'no broker'));
    await expect(second.next()).rejects.toThrow('no broker');
    admin.endOffsets = endOffsets;
    await world.write(values(1));
    await reading;
    const third = await world.subscribe([1, 0]);
    await world.write(values(1, 1), 1);
    await third.readTo(1);
    expect(third.told).toEqual([[], ['1.0']]);
  });

  it('ends all feeds of the store with an error of the reader, and opens a new one for the next', async () => {
    const world = await open();
    const subscribers = await Promise.all(Array.from({ length: 5 }, () => world.subscribe()));
    const reading = Promise.allSettled(subscribers.map((subscriber) => subscriber.readTo(1)));
    await expect.poll(() => world.log.readersOpen).toBe(1);
    world.log.error = new LogError('out-of-range', 'LOG_OFFSET_OUT_OF_RANGE', 'gone');
    await world.write(values(1));
    for (const result of await reading)
      expect(result).toMatchObject({ status: 'rejected', reason: { problem: { name: 'feed-gone' } } });
    expect([world.log.readersOpen, world.tails.size]).toEqual([0, 0]);
    world.log.error = undefined;
    const next = await world.subscribe();
    const again = next.readTo(1);
    await world.write(values(1, 0, 1));
    await again;
    expect(next.told).toEqual([['0.1']]);
  });

  it('ends all feeds when the log is closed, whichever reader they have', async () => {
    const world = await open({ windowMaxBytes: 2000, fetchMaxBytes: 300 });
    await world.write(values(300));
    const [late, waiting] = [await world.subscribe([0]), await world.subscribe([300])];
    const reading = waiting.next();
    await late.readTo(1);
    expect(world.log.readersOpen).toBe(2);
    await world.log.close();
    await expect(reading).rejects.toMatchObject({ code: 'LOG_CLOSED' });
    await expect(late.readTo(1000)).rejects.toMatchObject({ code: 'LOG_CLOSED' });
    expect([world.log.readersOpen, world.tails.size]).toEqual([0, 0]);
  });
});
