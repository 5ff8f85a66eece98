import type { CancelTimer, Clock } from '../../time/clock.js';

/**
 * Asks for another rebalance when tasks have been waiting to move for `intervalMs` (KIP-441): a copy may never become ready, or its news was lost.
 * @returns told with each assignment whether tasks wait.
 */
export function probing(
  clock: Clock,
  intervalMs: number,
  signal: AbortSignal,
  rejoin: () => void,
): (isWarmingUp: boolean) => void {
  let cancel: CancelTimer | undefined;
  signal.addEventListener('abort', () => cancel?.(), { once: true });
  return (isWarmingUp) => {
    cancel?.();
    cancel = isWarmingUp && !signal.aborted ? clock.schedule(intervalMs, rejoin) : undefined;
  };
}
