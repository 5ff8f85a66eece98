import type { Clock } from '../time/clock.js';
import type { Courtesy } from './courtesy.js';

/** Lets I/O and timers have their turn if it is time for it; undefined if it is not. */
export type Breathe = () => Promise<void> | undefined;

export function breathing(clock: Clock, courtesy: Courtesy): Breathe {
  let since = clock.monotonic();
  let turn = Promise.resolve();
  return () => {
    if (clock.monotonic() - since < courtesy.sliceMs) return undefined;
    // Whoever works beside others has a turn alone.
    turn = turn
      .then(() => courtesy.pause())
      .then(() => {
        since = clock.monotonic();
      });
    return turn;
  };
}
