import { LogError } from '../../errors/log-error.js';
import type { Log } from '../../log/log.js';
import type { GroupMember } from '../../log/group-member.js';
import type { LogProducer, ProducerOptions } from '../../log/log-producer.js';
import { lastingAbort } from '../../time/lasting-abort.js';
import type { Breathe } from '../breathing.js';
import type { Tenure } from '../group/tenure.js';
import { orAborted } from '../retry.js';
import type { CommitStrategy } from './commit-strategy.js';
import { offsetsOf, writeStores, type TaskCommit } from './task-commit.js';

/** Changes, then stores, then offsets: after a crash between them, records are processed again on top of their own changes. */
export class AtLeastOnce implements CommitStrategy {
  producer: LogProducer;
  private readonly closing = lastingAbort();

  constructor(
    private readonly log: Log,
    private readonly options: ProducerOptions,
    private readonly member: () => GroupMember,
  ) {
    this.producer = log.openProducer(options);
  }

  async open(): Promise<void> {
    return;
  }

  async complete(commits: readonly TaskCommit[], tenure: Tenure, breathe: Breathe): Promise<void> {
    const { producer } = this;
    await producer.flush();
    tenure.check();
    await writeStores(commits, producer, breathe);
    tenure.check();
    // The group may take no offsets for a long time; a close does not wait for it.
    await orAborted(this.closing.signal, this.member().commit(offsetsOf(commits), tenure.identity));
  }

  /** What waits in a failed producer may or may not be stored; its records are processed again. */
  async recover(): Promise<void> {
    await this.producer.close();
    this.producer = this.log.openProducer(this.options);
  }

  close(): Promise<void> {
    this.closing.abort(
      new LogError('retriable', 'LOG_CLOSED', 'The instance stopped before its offsets were committed.'),
    );
    return this.producer.close();
  }
}
