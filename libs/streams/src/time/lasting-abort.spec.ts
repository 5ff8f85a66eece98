import { expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { delay } from './clock.js';
import { lastingAbort } from './lasting-abort.js';

it('lets many wait on one signal without a warning', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const clock = new ManualClock();
  const { signal } = lastingAbort();
  const waiting = Promise.all(Array.from({ length: 20 }, () => delay(clock, 1, signal)));
  await clock.advance(1);
  await waiting;
  await new Promise(setImmediate);
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});
