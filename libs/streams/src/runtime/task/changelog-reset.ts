import type { RuntimeConfig } from '../../config/runtime-config.js';
import type { GroupMember } from '../../log/group-member.js';
import type { Log, PartitionOffset } from '../../log/log.js';
import type { LogProducer } from '../../log/log-producer.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';
import { transactionalIdOf } from '../commit/transactional-id.js';
import type { Tenure } from '../group/tenure.js';
import { orAborted, untilAnswered } from '../retry.js';
import type { Task } from './task.js';

const KEYS_AT_A_TIME = 1000;
const BYTES_AT_A_TIME = 256 * 1024;
/** A transaction holds the tombstones of all stores of a task, which takes longer than a commit. */
const MIN_TRANSACTION_TIMEOUT_MS = 60_000;

export interface ChangelogResetOptions {
  readonly config: Pick<RuntimeConfig, 'applicationId' | 'instanceId' | 'processingGuarantee' | 'transactionTimeoutMs'>;
  readonly log: Log;
  readonly member: () => GroupMember;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
}

/** Empties the changelogs of a task by tombstones, since Kafka refuses to delete records of a compacted topic. */
export class ChangelogReset {
  constructor(private readonly options: ChangelogResetOptions) {}

  /**
   * Appends a tombstone for every entry that the restored stores of `task` hold. Safe to repeat.
   *
   * With exactly-once, the tombstones and `offsets` are one transaction, fenced by the membership. With at-least-once, nothing fences tombstones
   * that are on their way when the tenure ends: they are sent in small batches, each under a live tenure.
   * @throws LogError `migrated` if the tenure ends, the signal's reason if that aborts.
   */
  run(task: Task, offsets: readonly PartitionOffset[], tenure: Tenure, signal: AbortSignal): Promise<void> {
    return this.options.config.processingGuarantee === 'exactly_once'
      ? this.inTransaction(task, offsets, tenure, signal)
      : this.inBatches(task, tenure, signal);
  }

  private async inTransaction(
    task: Task,
    offsets: readonly PartitionOffset[],
    tenure: Tenure,
    signal: AbortSignal,
  ): Promise<void> {
    const { log, member, config } = this.options;
    const { applicationId, instanceId, transactionTimeoutMs } = config;
    // No instance id contains a tilde. The id of the instance itself is in use by the tasks that run.
    const transactionalId = `${transactionalIdOf(applicationId, instanceId)}~reset~${task.id}`;
    const producer = log.openTransactionalProducer({
      role: 'reset',
      transactionalId,
      transactionTimeoutMs: Math.max(transactionTimeoutMs, MIN_TRANSACTION_TIMEOUT_MS),
    });
    const what = `give the transactional id "${transactionalId}" to this instance`;
    try {
      await untilAnswered(this.options, signal, what, () => producer.init());
      await this.append(task, producer, signal, async () => {
        tenure.check();
      });
      const renewed = (refused: Tenure['identity']): Promise<Tenure['identity']> => {
        signal.throwIfAborted();
        return tenure.renewed(member(), refused);
      };
      await orAborted(signal, producer.commit({ offsets, group: tenure.identity, renewed }));
    } finally {
      await producer.close();
    }
  }

  private async inBatches(task: Task, tenure: Tenure, signal: AbortSignal): Promise<void> {
    const producer = this.options.log.openProducer({ role: 'reset' });
    try {
      await this.append(task, producer, signal, async () => {
        await orAborted(signal, producer.flush());
        tenure.check();
      });
      await orAborted(signal, producer.flush());
    } finally {
      await producer.close();
    }
  }

  /** @param before awaited before each batch of tombstones. */
  private async append(
    task: Task,
    producer: LogProducer,
    signal: AbortSignal,
    before: () => Promise<void>,
  ): Promise<void> {
    const { clock } = this.options;
    for (const { store, changelog } of task.stores.all) {
      if (changelog === undefined) continue;
      const cursor = store.view.openCursor({}, { reverse: false, keysOnly: true });
      try {
        for (;;) {
          signal.throwIfAborted();
          const { keys } = await cursor.next(KEYS_AT_A_TIME, BYTES_AT_A_TIME);
          if (keys.length === 0) break;
          await before();
          for (const key of keys)
            if (!producer.append(changelog, task.partition, key, null, clock.now()))
              await orAborted(signal, producer.drain());
        }
      } finally {
        await cursor.close();
      }
    }
  }
}
