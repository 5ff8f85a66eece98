import type { BankModel } from './bank-model.js';
import type { Queries } from './queries.js';

const INTERVAL_MS = 50;

/**
 * Measures from the outside how long a fault is felt: until an instance shows, for one account of every partition, a transaction that was produced
 * after the fault. Since the transactions of a partition are handled in order, all that came before have been committed then.
 */
export class Recovery {
  constructor(
    private readonly model: BankModel,
    private readonly queries: Queries,
    private readonly probes: readonly string[],
  ) {}

  /** Counts from now. @returns the time that it took, or undefined after `limitMs` or an abort. */
  async measure(limitMs: number, signal: AbortSignal): Promise<number | undefined> {
    const startedAt = performance.now();
    const before = this.probes.map((accountId) => this.model.count(accountId));
    for (;;) {
      const elapsedMs = performance.now() - startedAt;
      if (this.probes.every((accountId, i) => this.queries.newest(accountId) > before[i])) return Math.round(elapsedMs);
      if (elapsedMs > limitMs || signal.aborted) return undefined;
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }
}

/** One account of each partition. */
export function probeAccounts(
  accountIds: readonly string[],
  partitions: number,
  partitionOf: (accountId: string) => number,
): string[] {
  return Array.from({ length: partitions }, (_, partition) => {
    const found = accountIds.find((accountId) => partitionOf(accountId) === partition);
    if (found === undefined) throw new Error(`no account falls into partition ${partition}`);
    return found;
  });
}
