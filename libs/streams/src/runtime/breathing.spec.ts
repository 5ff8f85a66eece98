import { expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { breathing } from './breathing.js';
import { Courtesy } from './courtesy.js';

const LONGEST_MS = 5;

it('asks for a break when the slice is over, and not before', async () => {
  const clock = new ManualClock();
  const breathe = breathing(clock, new Courtesy(LONGEST_MS, clock));
  expect(breathe()).toBeUndefined();
  await clock.advance(LONGEST_MS);
  const pause = breathe();
  expect(pause).toBeInstanceOf(Promise);
  await pause;
  expect(breathe()).toBeUndefined();
});

it('breaks sooner while somebody waits for an answer', async () => {
  const clock = new ManualClock();
  const courtesy = new Courtesy(LONGEST_MS, clock);
  const breathe = breathing(clock, courtesy);
  await clock.advance(LONGEST_MS - 1);
  expect(breathe()).toBeUndefined();
  courtesy.begin();
  const pause = breathe();
  expect(pause).toBeInstanceOf(Promise);
  courtesy.end();
  await pause;
  await clock.advance(1);
  expect(breathe()).toBeInstanceOf(Promise);
});

it('gives each of several that work beside each other a turn of the event loop alone', async () => {
  const clock = new ManualClock();
  const breathe = breathing(clock, new Courtesy(LONGEST_MS, clock));
  await clock.advance(LONGEST_MS);
  let turns = 0;
  let isWatching = true;
  const count = (): void => {
    turns++;
    if (isWatching) setImmediate(count);
  };
  setImmediate(count);
  const resumedIn = await Promise.all(['a', 'b', 'c'].map(() => breathe()!.then(() => turns)));
  isWatching = false;
  expect(new Set(resumedIn).size).toBe(3);
});
