import type { LogProducer } from '../../log/log-producer.js';
import type { Breathe } from '../breathing.js';
import type { Tenure } from '../group/tenure.js';
import type { TaskCommit } from './task-commit.js';

/**
 * The guarantee, as the steps 2 to 4 of a commit (design 4). One commit is under way at a time; tasks may append beside it, for the next one.
 */
export interface CommitStrategy {
  /** Where outputs and changes are appended. Another object after `recover`. */
  readonly producer: LogProducer;
  /** Ready to append. @throws LogError */
  open(): Promise<void>;
  /**
   * Makes the changes durable, writes the stores, and moves the offsets, in the order of the guarantee.
   * @param tenure in which the work was done.
   * @throws LogError, of kind `migrated` once the tenure has ended; StoreCorruptedError when the log has the changes and an engine refused them.
   */
  complete(commits: readonly TaskCommit[], tenure: Tenure, breathe: Breathe): Promise<void>;
  /** Drops what was appended and not committed, and makes the producer usable again. @throws LogError of kind `fenced` or `fatal` */
  recover(): Promise<void>;
  close(): Promise<void>;
}
