import { Payload } from '@nestjs/microservices';
import { json, SendTo, StreamHandler, StreamProcessor } from 'nestjs-streams';
import { Balances, type Balance } from './balances.store.js';
import { BALANCE_UPDATES, TRANSACTIONS } from './topics.js';
import type { Transaction } from './transaction.js';

/** Keeps the balance of each account, and tells of every change. */
@StreamProcessor()
export class BalanceProcessor {
  constructor(private readonly balances: Balances) {}

  @StreamHandler(TRANSACTIONS, { key: 'string', value: json<Transaction>() })
  @SendTo(BALANCE_UPDATES, { positionHeader: true })
  async apply(@Payload() transaction: Transaction): Promise<Balance> {
    const before = await this.balances.get(transaction.accountId);
    const after = book(before, transaction);
    this.balances.put(transaction.accountId, after);
    return after;
  }
}

export function book(before: Balance | undefined, { accountId, amount, at }: Transaction): Balance {
  if (before === undefined) return { accountId, balance: amount, count: 1, min: amount, max: amount, lastAt: at };
  return {
    accountId,
    balance: before.balance + amount,
    count: before.count + 1,
    min: Math.min(before.min, amount),
    max: Math.max(before.max, amount),
    lastAt: Math.max(before.lastAt, at),
  };
}
