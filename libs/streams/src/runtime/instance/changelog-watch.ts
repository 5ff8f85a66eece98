import { ChangelogLostError } from '../../errors/changelog-lost-error.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { ChangelogIdentity } from '../restore/changelog-identity.js';

/** Time between two looks; a changelog that is gone is reported after at most two of them. */
export const LOOK_EVERY_MS = 10_000;

/** Reports a changelog that vanished. Requests to a topic that is gone are repeated, so nothing else ends the wait for it. Never rejects. */
export async function lookAtChangelogs(
  changelogs: ChangelogIdentity,
  logger: StreamsLogger,
  onLost: (error: ChangelogLostError) => void,
): Promise<void> {
  try {
    await changelogs.look();
  } catch (error) {
    if (error instanceof ChangelogLostError) onLost(error);
    else logger.debug(`The ids of the changelogs cannot be read: ${String(error)}`);
  }
}
