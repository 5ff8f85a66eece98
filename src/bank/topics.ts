import { Injectable, type OnModuleInit } from '@nestjs/common';
import { TopicAdmin } from 'nestjs-streams';

export const TRANSACTIONS = 'transactions';
export const BALANCE_UPDATES = 'balance-updates';

const PARTITIONS = 4;
/** Keeps the demo's log small: on the embedded log a partition is cut back to this. */
const RETENTION_BYTES = 8 * 1024 * 1024;

/** Creates the example's topics where they are missing; in a real system they exist. */
@Injectable()
export class BankTopics implements OnModuleInit {
  constructor(private readonly admin: TopicAdmin) {}

  async onModuleInit(): Promise<void> {
    const config = { 'retention.bytes': String(RETENTION_BYTES) };
    const found = await this.admin.describe([TRANSACTIONS, BALANCE_UPDATES]);
    const missing = [TRANSACTIONS, BALANCE_UPDATES].filter((name) => !found.has(name));
    await this.admin.create(missing.map((name) => ({ name, partitions: PARTITIONS, config })));
  }
}
