import { ChangelogLostError } from '../../errors/changelog-lost-error.js';
import { ChangelogIdentity } from '../restore/changelog-identity.js';
import { loggedStores } from '../restore/changelog-range.js';
import { StoreCurrency } from '../restore/store-currency.js';
import type { StateDirectory } from '../state-directory/state-directory.js';
import type { InstanceParts, KnownChangelogs, StreamsInstanceOptions } from './instance-parts.js';
import type { TopicLayout } from './topic-setup.js';

/** Time between two looks; a changelog that is gone is reported after at most two of them. */
export const LOOK_EVERY_MS = 10_000;

export function knownChangelogs(
  { config, log, clock }: StreamsInstanceOptions,
  { changelogIds, deletionsKeptMs }: TopicLayout,
  directory: StateDirectory,
): KnownChangelogs {
  return {
    changelogs: new ChangelogIdentity(config.applicationId, log.admin, changelogIds),
    currency: new StoreCurrency(directory, deletionsKeptMs, clock),
  };
}

/**
 * Notes until when the local stores have followed their changelogs, and reports a changelog that vanished: requests to a topic that is gone are
 * repeated, so nothing else ends the wait for it. Never rejects.
 */
export async function lookAtChangelogs(
  parts: InstanceParts,
  { clock, logger }: StreamsInstanceOptions,
  onLost: (error: ChangelogLostError) => void,
): Promise<void> {
  const { tasks, member, follower, currency, changelogs } = parts;
  const contact = tasks.tenure === undefined ? undefined : member.lastContact();
  // Until the last contact with the group nobody else wrote to the changelogs of its tasks.
  if (contact !== undefined) {
    const untilMs = clock.now() - (clock.monotonic() - contact);
    for (const task of tasks.active)
      for (const { definition } of loggedStores(task)) currency.follows(task.id, definition.name, untilMs);
  }
  for (const task of tasks.standbys)
    for (const { definition } of loggedStores(task)) {
      const stalenessMs = follower.freshness(task, definition.name)?.stalenessMs;
      if (stalenessMs !== undefined) currency.follows(task.id, definition.name, clock.now() - stalenessMs);
    }
  try {
    await changelogs.look();
  } catch (error) {
    if (error instanceof ChangelogLostError) onLost(error);
    else logger.debug(`The ids of the changelogs cannot be read: ${String(error)}`);
  }
}
