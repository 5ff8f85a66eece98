import type { InstanceParts, StreamsInstanceOptions } from './instance-parts.js';

const LOOK_EVERY_MS = 1000;

/**
 * Leaves the group, which revokes the tasks, and that commits. Then calls the last hooks of the user code, once no handler runs.
 *
 * The commit waits for the log no longer than the group would wait for this instance: once the last commit has taken so long since the stop began,
 * or nothing was heard of the group for so long, `giveUp` ends all other waits, and the producer is closed. Whether the commit took effect is not
 * known then; the next start learns it from the changelogs (design 3). Once the group was left nothing can be committed, so the waits end as well.
 * @param onFailure takes what the revocation throws.
 */
export async function leaveGroup(
  { committer, loop, member, strategy, tasks }: InstanceParts,
  { clock, config, logger }: StreamsInstanceOptions,
  giveUp: () => void,
  onFailure: (error: unknown) => void,
): Promise<void> {
  const { sessionTimeoutMs } = config.group;
  const since = clock.monotonic();
  let hasLeft = false;
  const look = (): void => {
    const now = clock.monotonic();
    const committingMs = Math.min(committer.busyMs, now - since);
    const silentMs = hasLeft ? 0 : now - Math.max(since, member.lastContact() ?? since);
    if (Math.max(committingMs, silentMs) < sessionTimeoutMs) {
      cancel = clock.schedule(LOOK_EVERY_MS, look);
      return;
    }
    logger.warn('The log does not answer; the instance stops without knowing whether its last commit took effect.');
    giveUp();
    void tasks.endActivations();
    // Its failure is that of the commit, which nobody looks at any more.
    void strategy.close().catch(() => undefined);
  };
  let cancel = clock.schedule(LOOK_EVERY_MS, look);
  try {
    await member.close({ leave: true }).catch(onFailure);
    hasLeft = true;
    giveUp();
    // A handler may still run where the membership was lost before.
    await loop.exclusive(() => tasks.closeUserCode());
  } finally {
    cancel();
  }
}
