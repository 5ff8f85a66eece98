import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import type { Log } from '../../libs/streams/src/log/log.js';

export interface Account {
  readonly balance: number;
  readonly count: number;
}

interface Seen {
  readonly count: number;
  readonly at: number;
}

/** What the accounts have been, and since when readers of the log could know. */
export class AccountHistory {
  /** Balances of each account after its first, second ... transaction. */
  private readonly balances = new Map<string, number[]>();
  private readonly seen = new Map<string, Seen[]>();

  constructor(readonly accounts: readonly string[]) {
    for (const account of accounts) {
      this.balances.set(account, [0]);
      this.seen.set(account, [{ count: 0, at: -Infinity }]);
    }
  }

  book(account: string, amount: number): void {
    const balances = this.balances.get(account)!;
    balances.push(balances.at(-1)! + amount);
  }

  /** A committed record has told of this. */
  see(account: string, { balance, count }: Account, at: number): void {
    if (this.balances.get(account)![count] !== balance) throw new Error(`The log tells a wrong balance of ${account}.`);
    const seen = this.seen.get(account)!;
    if (count > seen.at(-1)!.count) seen.push({ count, at });
  }

  /** What a reader of the log knew at that time. */
  knownAt(account: string, at: number): number {
    const seen = this.seen.get(account)!;
    for (let i = seen.length - 1; i >= 0; i--) if (seen[i].at <= at) return seen[i].count;
    return 0;
  }

  /** @returns what is wrong with an answer to a question of that time, which may be so old. */
  fault(account: string, value: Account | undefined, askedAt: number, stalenessMs: number): string | undefined {
    const balances = this.balances.get(account);
    if (balances === undefined) return `the account ${account} does not exist`;
    const { balance, count } = value ?? { balance: 0, count: 0 };
    if (balances[count] !== balance) return `${account} never had ${balance} after ${count} transactions`;
    const known = this.knownAt(account, askedAt - stalenessMs);
    if (count >= known) return undefined;
    return `${account}: ${count} transactions, where ${known} were known ${stalenessMs} ms before the question`;
  }

  get final(): Map<string, Account> {
    return new Map(
      Array.from(this.balances, ([account, balances]): [string, Account] => [
        account,
        { balance: balances.at(-1)!, count: balances.length - 1 },
      ]).filter(([, { count }]) => count > 0),
    );
  }
}

/** Books transactions until it is stopped. */
export class Bookings {
  private isStopped = false;
  private booked = 0;
  private readonly done: Promise<void>;

  constructor(
    private readonly log: Log,
    private readonly history: AccountHistory,
    private readonly partitions: number,
  ) {
    this.done = this.run();
  }

  get total(): number {
    return this.booked;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.done;
  }

  private async run(): Promise<void> {
    const producer = this.log.openProducer({ role: 'bookings' });
    const { accounts } = this.history;
    while (!this.isStopped) {
      for (let i = 0; i < 10; i++) {
        const account = accounts[this.booked % accounts.length];
        const amount = ((this.booked * 7919) % 2001) - 1000;
        const key = Buffer.from(account);
        const transaction = { id: `t${this.booked++}`, accountId: account, amount, currency: 'EUR', at: Date.now() };
        // Before it is sent: an answer may show it before its producer hears of it.
        this.history.book(account, amount);
        const value = Buffer.from(JSON.stringify(transaction));
        producer.append('transactions', partitionForKey(key, this.partitions), key, value, Date.now());
      }
      await producer.flush();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await producer.close();
  }
}

/** Reads what the application tells, as it is committed. */
export class Witness {
  private readonly closing = new AbortController();
  private readonly done: Promise<void>;

  constructor(
    private readonly log: Log,
    private readonly history: AccountHistory,
    private readonly partitions: number,
  ) {
    this.done = this.run();
  }

  async stop(): Promise<void> {
    this.closing.abort();
    await this.done;
  }

  private async run(): Promise<void> {
    const reader = this.log.openReader({ role: 'witness', isolation: 'read_committed', maxWaitMs: 50 });
    const topic = 'balance-updates';
    await reader.assign(Array.from({ length: this.partitions }, (_, partition) => ({ topic, partition, offset: 0 })));
    while (!this.closing.signal.aborted) {
      const fetched = reader.take();
      if (fetched?.chunk === undefined) {
        await reader.ready(50);
        continue;
      }
      const at = performance.now();
      for (let i = 0; i < fetched.chunk.count; i++)
        this.history.see(
          fetched.chunk.key(i)!.toString(),
          JSON.parse(fetched.chunk.value(i)!.toString()) as Account,
          at,
        );
    }
    await reader.close();
  }
}
