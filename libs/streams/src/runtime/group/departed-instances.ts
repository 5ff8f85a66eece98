import type { Log } from '../../log/log.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';
import { untilAnswered } from '../retry.js';

export interface DepartedInstancesOptions {
  readonly log: Log;
  readonly transactionalIdOf: (instanceId: string) => string;
  readonly transactionTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
  /** Aborts when the instance stops. */
  readonly signal: AbortSignal;
}

/**
 * Takes over the transactional ids of instances that are gone. That aborts what they left open at once, where otherwise their successors would
 * wait for the transaction time-out and the broker's next look at it; should one only have been away, its next commit is refused.
 */
export class DepartedInstances {
  constructor(private readonly options: DepartedInstancesOptions) {}

  async fence(instanceIds: readonly string[]): Promise<void> {
    await Promise.all(instanceIds.map((instanceId) => this.fenceOne(instanceId)));
  }

  private async fenceOne(instanceId: string): Promise<void> {
    const { log, transactionalIdOf, transactionTimeoutMs, logger, signal } = this.options;
    const transactionalId = transactionalIdOf(instanceId);
    const what = `end the transaction of the instance "${instanceId}", which has left`;
    await untilAnswered(this.options, signal, what, async () => {
      const producer = log.openTransactionalProducer({ role: 'fence', transactionalId, transactionTimeoutMs });
      try {
        await producer.init();
      } finally {
        await producer.close();
      }
    });
    logger.info(`The instance "${instanceId}" has left; what it had not committed is aborted.`);
  }
}
