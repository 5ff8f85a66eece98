import { ChangelogLostError } from '../../errors/changelog-lost-error.js';
import type { LogAdmin } from '../../log/log-admin.js';

/** Topic ids by name. */
export type TopicIds = Readonly<Record<string, string>>;

/**
 * Tells the changelogs that the local stores were written from apart from later topics of the same name, by their ids (KIP-516). A topic that is
 * missing once may be unknown to the broker that was asked, so only one that is missing at two looks is lost.
 */
export class ChangelogIdentity {
  private missing: ReadonlySet<string> = new Set();
  private ids: TopicIds;

  constructor(
    private readonly applicationId: string,
    private readonly admin: LogAdmin,
    known: TopicIds,
    /** All changelogs. Brokers may not know the id of one that was just created; it is asked for at each look until they do. */
    private readonly names: readonly string[] = Object.keys(known),
    /** Called with the ids that were not known at the start. */
    private readonly onLearned: (ids: TopicIds) => void = () => undefined,
  ) {
    this.ids = known;
  }

  /** @throws ChangelogLostError if a changelog is another topic now, or was missing at this look and the one before. */
  async look(): Promise<void> {
    const { names } = this;
    if (names.length === 0) return;
    const found = await this.admin.topicIds(names);
    checkIdentity(this.applicationId, this.ids, found);
    const missing = new Set(names.filter((name) => this.ids[name] !== undefined && !found.has(name)));
    for (const name of missing)
      if (this.missing.has(name)) throw new ChangelogLostError(name, 'missing', this.applicationId);
    this.missing = missing;
    this.learn(found);
  }

  private learn(found: ReadonlyMap<string, string>): void {
    const learned = Object.fromEntries(Array.from(found).filter(([name]) => this.ids[name] === undefined));
    if (Object.keys(learned).length === 0) return;
    this.onLearned(learned);
    this.ids = { ...this.ids, ...learned };
  }

  /** @throws ChangelogLostError if the changelog is another topic now. */
  async check(topic: string): Promise<void> {
    checkIdentity(this.applicationId, this.ids, await this.admin.topicIds([topic]));
  }
}

/** @throws ChangelogLostError for the first topic that `found` has under another id; '' means that the broker has no ids. */
export function checkIdentity(applicationId: string, known: TopicIds, found: ReadonlyMap<string, string>): void {
  for (const [topic, id] of found)
    if (id !== '' && (known[topic] ?? '') !== '' && known[topic] !== id)
      throw new ChangelogLostError(topic, 'recreated', applicationId);
}
