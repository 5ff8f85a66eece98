/**
 * What of one partition a snapshot has shown. Its pages are read one after another, each at a position of its own; a change that came before the page
 * of its key is in that page, and must not be told again.
 */
export class SnapshotMarks {
  /** The last key of each page, ascending; undefined: all further keys. */
  private readonly upTo: (Uint8Array | undefined)[] = [];
  private readonly positions: number[] = [];
  private highest = 0;

  /** @param upTo the last key of the page; undefined for the last page. */
  add(upTo: Uint8Array | undefined, position: number): void {
    this.upTo.push(upTo);
    this.positions.push(position);
    this.highest = Math.max(this.highest, position);
  }

  /** Whether the snapshot has shown a change already. */
  covers(key: Uint8Array, offset: number): boolean {
    if (offset >= this.highest) return false;
    let low = 0;
    let high = this.upTo.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = this.upTo[middle];
      if (last === undefined || Buffer.compare(key, last) <= 0) high = middle;
      else low = middle + 1;
    }
    return low < this.positions.length && offset < this.positions[low];
  }

  /** Where the latest page stood. */
  get end(): number {
    return this.highest;
  }

  /** Whether no page shows anything at or behind `offset`. */
  endBefore(offset: number): boolean {
    return offset >= this.highest;
  }
}
