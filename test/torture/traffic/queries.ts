import type { Random } from '../faults/random.js';
import type { BankModel } from './bank-model.js';

const PAUSE_MS = 20;
const TIMEOUT_MS = 2000;
const MAX_MISMATCHES = 20;
/** What an instance may answer that does not hold the partition now, or not yet. */
const REFUSALS: ReadonlySet<number> = new Set([421, 503]);

/** An instance as queries see it; the address changes with each start. */
export interface QueryTarget {
  readonly id: string;
  readonly url: string | undefined;
}

export interface QueryOptions {
  readonly targets: readonly QueryTarget[];
  readonly model: BankModel;
  readonly random: Random;
  /** Asked for in turn with any others, so that their progress is known to a fraction of a second. */
  readonly probes: readonly string[];
}

/**
 * Asks every instance for accounts all the time, and checks each answer by what a committed view promises: the account stood exactly so after one of
 * its transactions, and an instance never shows an older state than one that it has shown before.
 */
export class Queries {
  readonly mismatches: string[] = [];
  readonly statuses = new Map<string, number>();
  private readonly shownBy = new Map<string, Map<string, number>>();
  private readonly shown = new Map<string, number>();
  private isStopped = false;
  private loops: Promise<void>[] = [];

  constructor(private readonly options: QueryOptions) {}

  get total(): number {
    return [...this.statuses.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The newest state of the account that any instance has shown, as its number of transactions. */
  newest(accountId: string): number {
    return this.shown.get(accountId) ?? 0;
  }

  start(): void {
    this.loops = this.options.targets.map((target) => this.ask(target));
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.loops);
  }

  private async ask(target: QueryTarget): Promise<void> {
    const { probes, random, model } = this.options;
    const shown = new Map<string, number>();
    this.shownBy.set(target.id, shown);
    for (let turn = 0; !this.isStopped; turn++) {
      const probed = probes[(turn >> 1) % probes.length];
      const accountId = turn % 2 === 0 ? probed : random.pick(model.accountIds);
      await this.askOnce(target, accountId, shown);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  private async askOnce({ id, url }: QueryTarget, accountId: string, shown: Map<string, number>): Promise<void> {
    const floor = shown.get(accountId) ?? 0;
    let status: number;
    let body: unknown;
    try {
      if (url === undefined) return;
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(`${url}/stores/balances/entries/${accountId}`, { signal });
      body = await response.json();
      ({ status } = response);
    } catch {
      return this.tally('none');
    }
    this.tally(String(status));
    if (REFUSALS.has(status) || (status === 404 && floor === 0)) return;
    if (status !== 200) return this.report(`${id} answered ${status} for ${accountId}: ${JSON.stringify(body)}`);
    const deviation = this.options.model.deviation(accountId, body);
    if (deviation !== undefined) return this.report(`${id} answered what never was: ${deviation}`);
    const { count } = body as { count: number };
    if (count < floor) return this.report(`${id} went back from ${floor} to ${count} transactions of ${accountId}`);
    shown.set(accountId, count);
    if (count > this.newest(accountId)) this.shown.set(accountId, count);
  }

  private tally(status: string): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
  }

  private report(mismatch: string): void {
    if (this.mismatches.length < MAX_MISMATCHES) this.mismatches.push(mismatch);
  }
}
