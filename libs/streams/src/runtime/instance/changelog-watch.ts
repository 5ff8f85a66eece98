import { ChangelogLostError } from '../../errors/changelog-lost-error.js';
import type { TaskId } from '../../topology/processor.js';
import { ChangelogIdentity } from '../restore/changelog-identity.js';
import { loggedStores } from '../restore/changelog-range.js';
import { StoreCurrency } from '../restore/store-currency.js';
import type { StateDirectory } from '../state-directory/state-directory.js';
import type { InstanceParts, StreamsInstanceOptions } from './instance-parts.js';
import type { KnownChangelogs } from './known-changelogs.js';
import type { TopicLayout } from './topic-setup.js';

/** Time between two looks; a changelog that is gone is reported after at most two of them. */
export const LOOK_EVERY_MS = 10_000;

/** Both clocks of an instance advance by the same time, up to this much, unless the machine was suspended or its clock was set. */
const CLOCK_TOLERANCE_MS = 5000;

export function knownChangelogs(
  { config, log, clock }: StreamsInstanceOptions,
  { changelogIds, deletionsKeptMs }: TopicLayout,
  directory: StateDirectory,
): KnownChangelogs {
  return {
    changelogs: new ChangelogIdentity(
      config.applicationId,
      log.admin,
      changelogIds,
      [...deletionsKeptMs.keys()],
      (learned) => directory.keepChangelogIds(learned),
    ),
    currency: new StoreCurrency(directory, deletionsKeptMs, clock),
  };
}

/**
 * Notes until when the local stores have followed their changelogs, and reports a changelog that vanished: requests to a topic that is gone are
 * repeated, so nothing else ends the wait for it.
 */
export class ChangelogWatch {
  private isLooking = false;
  private wallMs: number;
  private monotonicMs: number;
  /** On the monotonic clock: what was last heard of before says nothing about the time of day. */
  private trustedFromMs = -Infinity;

  constructor(
    private readonly parts: Pick<InstanceParts, 'tasks' | 'member' | 'follower' | 'currency' | 'changelogs'>,
    private readonly options: Pick<StreamsInstanceOptions, 'clock' | 'logger'>,
    private readonly onLost: (error: ChangelogLostError) => void,
  ) {
    this.wallMs = options.clock.now();
    this.monotonicMs = options.clock.monotonic();
  }

  /** Does nothing while a look is under way. Never rejects. */
  async look(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      this.compareClocks();
      this.noteCurrency();
      await this.parts.changelogs.look();
    } catch (error) {
      if (error instanceof ChangelogLostError) this.onLost(error);
      else this.options.logger.debug(`The ids of the changelogs cannot be read: ${String(error)}`);
    } finally {
      this.isLooking = false;
    }
  }

  /** The monotonic clock stops while the machine is suspended, so ages that it measured across that are too small. */
  private compareClocks(): void {
    const { clock } = this.options;
    const wallMs = clock.now();
    const monotonicMs = clock.monotonic();
    const differenceMs = wallMs - this.wallMs - (monotonicMs - this.monotonicMs);
    if (Math.abs(differenceMs) > CLOCK_TOLERANCE_MS) this.trustedFromMs = monotonicMs;
    this.wallMs = wallMs;
    this.monotonicMs = monotonicMs;
  }

  private noteCurrency(): void {
    const { tasks, member, follower } = this.parts;
    const contact = tasks.tenure === undefined ? undefined : member.lastContact();
    // Until the last contact with the group nobody else wrote to the changelogs of its tasks.
    if (contact !== undefined)
      for (const task of tasks.active)
        for (const { definition } of loggedStores(task)) this.followed(task.id, definition.name, contact);
    for (const task of tasks.standbys)
      for (const { definition } of loggedStores(task)) {
        const stalenessMs = follower.freshness(task, definition.name)?.stalenessMs;
        if (stalenessMs !== undefined) this.followed(task.id, definition.name, this.monotonicMs - stalenessMs);
      }
  }

  /** @param untilMs on the monotonic clock. */
  private followed(task: TaskId, store: string, untilMs: number): void {
    if (untilMs <= this.trustedFromMs) return;
    this.parts.currency.follows(task, store, this.wallMs - (this.monotonicMs - untilMs));
  }
}
