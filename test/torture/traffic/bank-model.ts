export interface Account {
  readonly balance: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
}

/** What every account has to be after each of its transactions. */
export class BankModel {
  private readonly histories = new Map<string, Account[]>();

  constructor(accounts: number) {
    for (let i = 0; i < accounts; i++) this.histories.set(`acc-${i}`, []);
  }

  get accountIds(): readonly string[] {
    return [...this.histories.keys()];
  }

  /** Transactions of this account so far. */
  count(accountId: string): number {
    return this.history(accountId).length;
  }

  history(accountId: string): readonly Account[] {
    return this.histories.get(accountId) ?? [];
  }

  apply(accountId: string, amount: number): void {
    const history = this.histories.get(accountId)!;
    const before = history.at(-1);
    history.push({
      balance: (before?.balance ?? 0) + amount,
      count: (before?.count ?? 0) + 1,
      min: Math.min(before?.min ?? amount, amount),
      max: Math.max(before?.max ?? amount, amount),
    });
  }

  /** What is wrong with a value that should be one of this account's history, or undefined if nothing is. */
  deviation(accountId: string, value: unknown): string | undefined {
    const found = value as Partial<Account> | null;
    const expected = this.history(accountId)[(found?.count ?? 0) - 1];
    const isEqual =
      expected !== undefined &&
      found?.balance === expected.balance &&
      found.min === expected.min &&
      found.max === expected.max;
    if (isEqual) return undefined;
    return `${accountId} is ${JSON.stringify(value)}, expected ${JSON.stringify(expected ?? this.history(accountId).at(-1))}`;
  }
}
