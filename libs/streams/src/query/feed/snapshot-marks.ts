interface Mark {
  /** The last key that was read at `position`; undefined: all further keys. */
  readonly upTo: Uint8Array | undefined;
  readonly position: number;
}

/**
 * What of one partition a snapshot has shown. Its pages are read one after another, each at a later position; a change that came before the page of
 * its key is in that page, and must not be told again.
 */
export class SnapshotMarks {
  private marks: Mark[] = [];
  private highest = 0;

  /** @param upTo the last key of the page; undefined for the last page. */
  add(upTo: Uint8Array | undefined, position: number): void {
    this.marks.push({ upTo, position });
    this.highest = Math.max(this.highest, position);
  }

  /** Whether the snapshot has shown a change already. */
  covers(key: Uint8Array, offset: number): boolean {
    if (offset >= this.highest) return false;
    const mark = this.marks.find(({ upTo }) => upTo === undefined || Buffer.compare(key, upTo) <= 0);
    return mark !== undefined && offset < mark.position;
  }

  /** Forgets what no later change can need. */
  passed(offset: number): void {
    if (offset >= this.highest) this.marks = [];
  }
}
