import type { AbortedTransaction } from '../../protocol/messages.js';

interface EndedTransaction extends AbortedTransaction {
  readonly markerOffset: number;
}

/** The transactions of one partition: which are open, which of the ended ones were aborted. */
export class TransactionIndex {
  private readonly open = new Map<number, number>();
  private aborted: EndedTransaction[] = [];

  began(producerId: number, firstOffset: number): void {
    if (!this.open.has(producerId)) this.open.set(producerId, firstOffset);
  }

  ended(producerId: number, isAborted: boolean, markerOffset: number): void {
    const firstOffset = this.open.get(producerId);
    this.open.delete(producerId);
    if (isAborted && firstOffset !== undefined) this.aborted.push({ producerId, firstOffset, markerOffset });
  }

  /** The first offset that is not decided, or `end` if all are. */
  lastStableOffset(end: number): number {
    let first = end;
    for (const offset of this.open.values()) if (offset < first) first = offset;
    return first;
  }

  /** Those whose records a reader of [from, to) may meet. */
  abortedBetween(from: number, to: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = [];
    // In the order of their markers, so the relevant ones are at the end.
    for (let i = this.aborted.length - 1; i >= 0; i--) {
      const { producerId, firstOffset, markerOffset } = this.aborted[i]!;
      if (markerOffset < from) break;
      if (firstOffset < to) found.push({ producerId, firstOffset });
    }
    return found.reverse();
  }

  /** The markers below `offset`, and all they ended, are gone from the log. */
  forgetBelow(offset: number): void {
    if (this.aborted.length > 0 && this.aborted[0]!.markerOffset < offset) {
      this.aborted = this.aborted.filter(({ markerOffset }) => markerOffset >= offset);
    }
  }
}
