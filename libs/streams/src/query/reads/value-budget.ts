/** Bytes that the values of one answer may have, whichever partitions and instances they come from. The first value is admitted whatever its size. */
export class ValueBudget {
  private used = 0;

  /** @param partBytes the bytes of values that another instance is asked for at a time. */
  constructor(
    readonly maxBytes: number,
    readonly partBytes = maxBytes,
  ) {}

  get isSpent(): boolean {
    return this.used >= this.maxBytes;
  }

  /** Opens the share of one reading, which gives back what it took if it fails or begins again. */
  share(): ValueShare {
    return new ValueShare(this);
  }

  /** Returns whether the answer may hold `bytes` more. */
  admit(bytes: number): boolean {
    if (this.used > 0 && this.used + bytes > this.maxBytes) return false;
    this.used += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.used -= bytes;
  }
}

/** The part of a budget that one reading has taken. */
export class ValueShare {
  private taken = 0;

  constructor(readonly budget: ValueBudget) {}

  get isSpent(): boolean {
    return this.budget.isSpent;
  }

  admit(bytes: number): boolean {
    if (!this.budget.admit(bytes)) return false;
    this.taken += bytes;
    return true;
  }

  clear(): void {
    this.budget.giveBack(this.taken);
    this.taken = 0;
  }
}
