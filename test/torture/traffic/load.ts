import type { Log } from '../../../libs/streams/src/log/log.js';
import type { LogProducer } from '../../../libs/streams/src/log/log-producer.js';
import { partitionForKey } from '../../../libs/streams/src/log/partitioner.js';
import type { BankModel } from './bank-model.js';
import type { Random } from '../faults/random.js';

const TICK_MS = 50;

export interface LoadOptions {
  readonly log: Log;
  readonly model: BankModel;
  readonly random: Random;
  readonly topic: string;
  readonly partitions: number;
  readonly perSecond: number;
}

/** Produces transactions at an even pace, whatever happens, until it is stopped. */
export class Load {
  private readonly producer: LogProducer;
  private timer: NodeJS.Timeout | undefined;
  private produced = 0;
  private due = 0;
  /** Why it cannot go on. */
  failure: Error | undefined;

  constructor(private readonly options: LoadOptions) {
    this.producer = options.log.openProducer({ role: 'load' });
  }

  get total(): number {
    return this.produced;
  }

  start(): void {
    this.timer = setInterval(() => {
      try {
        this.tick();
      } catch (error) {
        this.failure ??= error instanceof Error ? error : new Error(String(error));
        clearInterval(this.timer);
      }
    }, TICK_MS);
  }

  /** Settles once everything is acknowledged. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.producer.flush();
    await this.producer.close();
  }

  private tick(): void {
    const { perSecond } = this.options;
    this.due += (perSecond * TICK_MS) / 1000;
    for (; this.due >= 1; this.due--) this.append();
  }

  private append(): void {
    const { model, random, topic, partitions } = this.options;
    const index = this.produced++;
    const accountId = random.pick(model.accountIds);
    const amount = Math.floor(random.between(-1000, 1001));
    model.apply(accountId, amount);
    const key = Buffer.from(accountId);
    const value = JSON.stringify({
      id: `t${index}`,
      accountId,
      amount,
      currency: 'EUR',
      at: 1_700_000_000_000 + index,
    });
    this.producer.append(topic, partitionForKey(key, partitions), key, Buffer.from(value), Date.now());
  }
}
