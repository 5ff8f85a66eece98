import { LogError } from '../../errors/log-error.js';
import type { GroupMember } from '../../log/group-member.js';
import type { Log } from '../../log/log.js';
import type { TransactionalProducer, TransactionalProducerOptions } from '../../log/log-producer.js';
import type { Breathe } from '../breathing.js';
import type { Tenure } from '../group/tenure.js';
import type { CommitStrategy } from './commit-strategy.js';
import { changesWithoutChangelog, offsetsOf, writeStores, type TaskCommit } from './task-commit.js';

/**
 * Changes, outputs and offsets in one transaction, then the stores (KIP-98, KIP-447). The transactional id is the instance's own, so that a
 * restart ends the open transaction of its former self at once.
 */
export class ExactlyOnce implements CommitStrategy {
  readonly producer: TransactionalProducer;
  /** Changes that no changelog has, in a commit whose end has not been answered. */
  private undecided: readonly TaskCommit[] = [];
  private isInDoubt = false;

  constructor(
    log: Log,
    options: TransactionalProducerOptions,
    private readonly member: () => GroupMember,
  ) {
    this.producer = log.openTransactionalProducer(options);
  }

  open(): Promise<void> {
    return this.producer.init();
  }

  async complete(commits: readonly TaskCommit[], tenure: Tenure, breathe: Breathe): Promise<void> {
    tenure.check();
    this.undecided = changesWithoutChangelog(commits);
    await this.producer.commit({
      offsets: offsetsOf(commits),
      group: tenure.identity,
      renewed: (refused) => tenure.renewed(this.member(), refused),
    });
    this.undecided = [];
    await writeStores(commits, this.producer, breathe);
  }

  /** A new epoch is taken where this one was fenced: by the broker after a time-out, or by a double, whom membership then decides about. */
  async recover(): Promise<void> {
    try {
      await this.producer.abort();
    } catch (error) {
      if (!(error instanceof LogError) || error.kind === 'fatal') throw error;
      // The producer was fenced, which may have come after the end of its transaction.
      this.isInDoubt = true;
      await this.producer.init();
    }
    if (this.isInDoubt) await this.decide();
    this.isInDoubt = false;
    this.undecided = [];
  }

  /** Applies the undecided changes if the offsets of their transaction were committed. Changelogs decide about all other stores. */
  private async decide(): Promise<void> {
    const offsets = offsetsOf(this.undecided);
    if (offsets.length === 0) return;
    const found = await this.member().committed(offsets);
    if (found.every(({ offset }, i) => offset === offsets[i]!.offset))
      await writeStores(this.undecided, this.producer, () => undefined);
  }

  close(): Promise<void> {
    return this.producer.close();
  }
}
