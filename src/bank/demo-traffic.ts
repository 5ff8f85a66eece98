import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { json, RecordProducer } from 'nestjs-streams';
import { randomUUID } from 'node:crypto';
import { TRANSACTIONS } from './topics.js';
import type { Transaction } from './transaction.js';

const ACCOUNTS = 200;
const TICK_MS = 100;
const REPORT_EVERY_MS = 10_000;

/** Feeds the bank with transactions, so that there is something to see without any set-up. */
@Injectable()
export class DemoTraffic implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('Demo');
  private timer: NodeJS.Timeout | undefined;
  private due = 0;
  private sent = 0;
  private reportedAt = Date.now();
  private sending: Promise<void> | undefined;

  constructor(
    private readonly producer: RecordProducer,
    private readonly perSecond: number,
  ) {}

  onApplicationBootstrap(): void {
    if (this.perSecond === 0) return;
    this.logger.log(`Producing ${this.perSecond} transactions a second on ${ACCOUNTS} accounts.`);
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.sending;
  }

  private tick(): void {
    this.due += (this.perSecond * TICK_MS) / 1000;
    // A log that does not keep up gets the rest with the next tick.
    if (this.sending !== undefined || this.due < 1) return;
    const count = Math.floor(this.due);
    this.due -= count;
    this.sending = this.send(Array.from({ length: count }, transaction)).finally(() => {
      this.sending = undefined;
    });
  }

  private async send(transactions: readonly Transaction[]): Promise<void> {
    try {
      const records = transactions.map((value) => ({ key: value.accountId, value, timestamp: value.at }));
      await this.producer.sendAll(TRANSACTIONS, records, { value: json<Transaction>() });
      this.sent += transactions.length;
    } catch (error) {
      this.logger.warn(`Could not produce ${transactions.length} transactions: ${String(error)}`);
    }
    if (Date.now() - this.reportedAt < REPORT_EVERY_MS) return;
    this.reportedAt = Date.now();
    this.logger.log(`${this.sent} transactions produced since the start.`);
  }
}

/** Salaries now and then, small purchases mostly; a few accounts are busy, most are not. */
function transaction(): Transaction {
  const account = Math.floor(ACCOUNTS * Math.random() ** 2) + 1;
  const isIncome = Math.random() < 0.1;
  const amount = isIncome ? 150_000 + Math.floor(Math.random() * 300_000) : -(100 + Math.floor(Math.random() * 20_000));
  return {
    id: randomUUID(),
    accountId: `acc-${String(account).padStart(4, '0')}`,
    amount,
    currency: 'EUR',
    at: Date.now(),
  };
}
