import type { Membership } from '../instance-status.js';
import type { InstanceParts, StreamsInstanceOptions } from './instance-parts.js';

/**
 * The broker gives a silent member up after the session time-out at the earliest, counted from when it heard of it last. What a commit under way
 * has made visible in the log is in the stores only when it has ended.
 */
export function membershipOf(
  parts: Pick<InstanceParts, 'member' | 'owners' | 'committer'> | undefined,
  { clock, config }: StreamsInstanceOptions,
): Membership {
  const contact = parts?.member.lastContact();
  const silentMs = contact === undefined ? Infinity : clock.monotonic() - contact;
  const committingMs = parts?.committer.busyMs ?? 0;
  const doubtMs = silentMs < config.group.sessionTimeoutMs ? committingMs : Math.max(silentMs, committingMs);
  return { epoch: parts?.owners.epoch ?? -1, doubtMs };
}
