import { LogError } from '../../errors/log-error.js';
import type { GroupMember } from '../../log/group-member.js';
import type { Log } from '../../log/log.js';
import type { TransactionalProducer, TransactionalProducerOptions } from '../../log/log-producer.js';
import type { Breathe } from '../breathing.js';
import type { Tenure } from '../group/tenure.js';
import type { CommitStrategy } from './commit-strategy.js';
import { offsetsOf, writeStores, type TaskCommit } from './task-commit.js';

/**
 * Changes, outputs and offsets in one transaction, then the stores (KIP-98, KIP-447). The transactional id is the instance's own, so that a
 * restart ends the open transaction of its former self at once.
 */
export class ExactlyOnce implements CommitStrategy {
  readonly producer: TransactionalProducer;

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
    await this.producer.commit({
      offsets: offsetsOf(commits),
      group: tenure.identity,
      renewed: (refused) => tenure.renewed(this.member(), refused),
    });
    await writeStores(commits, this.producer, breathe);
  }

  /** A new epoch is taken where this one was fenced: by the broker after a time-out, or by a double, whom membership then decides about. */
  async recover(): Promise<void> {
    try {
      await this.producer.abort();
    } catch (error) {
      if (!(error instanceof LogError) || error.kind === 'fatal') throw error;
      await this.producer.init();
    }
  }

  close(): Promise<void> {
    return this.producer.close();
  }
}
