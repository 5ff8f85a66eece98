import type { CancelTimer } from '../../time/clock.js';
import type { InstanceParts, StreamsInstanceOptions } from './instance-parts.js';

const LOOK_EVERY_MS = 1000;

/**
 * A stop waits for a commit under way, and that for the log, but no longer than the group would wait for this instance: then `giveUp` is called and the
 * producer is closed. Whether the commit took effect is not known; the next start learns it from the changelogs (design 3).
 * @returns ends the watch.
 */
export function endLateCommit(
  { committer, strategy }: InstanceParts,
  { clock, config, logger }: StreamsInstanceOptions,
  giveUp: () => void,
): CancelTimer {
  const look = (): CancelTimer => {
    if (committer.busyMs < config.group.sessionTimeoutMs)
      return clock.schedule(LOOK_EVERY_MS, () => {
        cancel = look();
      });
    logger.warn('The log does not answer the last commit; the instance stops without knowing whether it took effect.');
    giveUp();
    // Its failure is that of the commit, which nobody looks at any more.
    void strategy.close().catch(() => undefined);
    return () => undefined;
  };
  let cancel = look();
  return () => cancel();
}
