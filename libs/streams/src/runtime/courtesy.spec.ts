import { expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { Courtesy } from './courtesy.js';

const LONGEST_MS = 5;

/** Whether a promise has settled by the time that everything else has had a few turns. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  void promise.then(() => (isOver = true));
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  return isOver;
}

it('keeps slices short while a query reads, and for a while after', async () => {
  const clock = new ManualClock();
  const courtesy = new Courtesy(LONGEST_MS, clock);
  expect(courtesy.sliceMs).toBe(LONGEST_MS);
  courtesy.begin();
  expect(courtesy.sliceMs).toBe(1);
  courtesy.end();
  expect(courtesy.sliceMs).toBe(1);
  await clock.advance(50);
  expect(courtesy.sliceMs).toBe(LONGEST_MS);
});

it('makes no slice longer than it was', () => {
  const courtesy = new Courtesy(0.5, new ManualClock());
  courtesy.begin();
  expect(courtesy.sliceMs).toBe(0.5);
});

it('stands back until the last of the reads under way has ended', async () => {
  const courtesy = new Courtesy(LONGEST_MS, new ManualClock());
  courtesy.begin();
  courtesy.begin();
  const pause = courtesy.pause();
  expect(await isSettled(pause)).toBe(false);
  courtesy.end();
  expect(await isSettled(pause)).toBe(false);
  courtesy.end();
  expect(await isSettled(pause)).toBe(true);
});

it('does not wait for reads that come while it stands back', async () => {
  const courtesy = new Courtesy(LONGEST_MS, new ManualClock());
  courtesy.begin();
  const pause = courtesy.pause();
  expect(await isSettled(pause)).toBe(false);
  courtesy.begin();
  courtesy.end();
  expect(await isSettled(pause)).toBe(true);
  const next = courtesy.pause();
  expect(await isSettled(next)).toBe(false);
  courtesy.end();
  expect(await isSettled(next)).toBe(true);
});

it('stands back for 2 ms at most', async () => {
  const clock = new ManualClock();
  const courtesy = new Courtesy(LONGEST_MS, clock);
  courtesy.begin();
  const pause = courtesy.pause();
  expect(await isSettled(pause)).toBe(false);
  await clock.advance(2);
  expect(await isSettled(pause)).toBe(true);
  courtesy.end();
  expect(await isSettled(courtesy.pause())).toBe(true);
});

it('lets the answer go out before work goes on', async () => {
  const courtesy = new Courtesy(LONGEST_MS, new ManualClock());
  const order: string[] = [];
  courtesy.begin();
  const work = courtesy.pause().then(() => order.push('work'));
  await new Promise((resolve) => setImmediate(resolve));
  courtesy.end();
  // An answer passes through a few promises on its way.
  for (let hop = 0; hop < 10; hop++) await Promise.resolve();
  order.push('answer');
  await work;
  expect(order).toEqual(['answer', 'work']);
});
