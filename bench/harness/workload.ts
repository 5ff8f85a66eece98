/** The work of the `process` bench: the same keys and values for every variant. */
export interface Transaction {
  readonly id: string;
  readonly accountId: string;
  readonly amount: number;
  readonly currency: string;
  readonly at: number;
}

export interface Balance {
  readonly accountId: string;
  readonly balance: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly lastAt: number;
}

export const ACCOUNTS = 100_000;
export const DISTINCT_ACCOUNTS = 1_000_000;
export const PARTITIONS = 4;

export function applyTransaction(before: Balance | undefined, tx: Transaction): Balance {
  if (before === undefined) {
    return { accountId: tx.accountId, balance: tx.amount, count: 1, min: tx.amount, max: tx.amount, lastAt: tx.at };
  }
  return {
    accountId: tx.accountId,
    balance: before.balance + tx.amount,
    count: before.count + 1,
    min: Math.min(before.min, tx.amount),
    max: Math.max(before.max, tx.amount),
    lastAt: tx.at,
  };
}

/** Record `index` of the workload; about 160 bytes of JSON over `ACCOUNTS` keys in pseudo-random order. */
export function transaction(index: number): Transaction {
  return transactionOf(index, (Math.imul(index, 0x9e3779b1) >>> 0) % ACCOUNTS);
}

/** The same record, but with a key of its own; the first `DISTINCT_ACCOUNTS` keys come in scattered order, each once. */
export function distinctTransaction(index: number): Transaction {
  return transactionOf(index, (index * 618_033) % DISTINCT_ACCOUNTS);
}

function transactionOf(index: number, account: number): Transaction {
  return {
    id: `transaction-${String(index).padStart(12, '0')}-${String(account).padStart(48, '0')}`,
    accountId: `acc-${String(account).padStart(7, '0')}`,
    amount: (Math.imul(index, 0x85ebca6b) >>> 8) % 100_000,
    currency: 'EUR',
    at: 1_700_000_000_000 + index,
  };
}
