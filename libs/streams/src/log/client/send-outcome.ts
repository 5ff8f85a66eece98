import type { LogError } from '../../errors/log-error.js';

/** Collects what becomes of the records of one call, which may be spread over several batches. */
export class SendOutcome {
  private readonly ends = new Map<number, number>();
  private undecided = 0;
  private failure: LogError | undefined;
  private onDecided: () => void = () => undefined;

  /** `parts` more parts of batches hold records of the call. */
  expect(parts: number): void {
    this.undecided += parts;
  }

  /** @param end the offset after the last record of the part; undefined if the broker no longer knows it. */
  acknowledge(partition: number, end: number | undefined): void {
    if (end !== undefined) this.ends.set(partition, Math.max(end, this.ends.get(partition) ?? 0));
    this.decide();
  }

  fail(error: LogError): void {
    this.failure ??= error;
    this.decide();
  }

  /** Waits for every part. @throws LogError the first failure. */
  async settled(): Promise<ReadonlyMap<number, number>> {
    if (this.undecided > 0) await new Promise<void>((resolve) => (this.onDecided = resolve));
    if (this.failure !== undefined) throw this.failure;
    return this.ends;
  }

  private decide(): void {
    if (--this.undecided === 0) this.onDecided();
  }
}

/** The records `from` to `to` (exclusive) of a batch, which belong to one call. */
export interface BatchShare {
  readonly from: number;
  to: number;
  readonly outcome: SendOutcome;
}

/** Divides the shares of a batch between the batches it was split into, which hold `counts` records each. */
export function divideShares(shares: readonly BatchShare[], counts: readonly number[]): BatchShare[][] {
  const divided: BatchShare[][] = [];
  let start = 0;
  for (const count of counts) {
    const end = start + count;
    const part: BatchShare[] = [];
    for (const { from, to, outcome } of shares)
      if (from < end && to > start)
        part.push({ from: Math.max(from, start) - start, to: Math.min(to, end) - start, outcome });
    for (const { outcome } of part) outcome.expect(1);
    divided.push(part);
    start = end;
  }
  // Counted once as a whole before.
  for (const { outcome } of shares) outcome.expect(-1);
  return divided;
}
