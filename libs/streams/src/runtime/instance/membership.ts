import type { Membership } from '../instance-status.js';
import type { InstanceParts, StreamsInstanceOptions } from './instance-parts.js';

/** The broker gives a silent member up after the session time-out at the earliest, counted from when it heard of it last. */
export function membershipOf(
  parts: Pick<InstanceParts, 'member' | 'owners'> | undefined,
  { clock, config }: StreamsInstanceOptions,
): Membership {
  const contact = parts?.member.lastContact();
  const silentMs = contact === undefined ? Infinity : clock.monotonic() - contact;
  return { epoch: parts?.owners.epoch ?? -1, doubtMs: silentMs < config.group.sessionTimeoutMs ? 0 : silentMs };
}
