/** Bounds the bytes that bodies may hold at one time. */
export class BodyBudget {
  private used = 0;

  constructor(private readonly maxBytes: number) {}

  /** @returns false where there is no room for `bytes` now. */
  take(bytes: number): boolean {
    if (this.used + bytes > this.maxBytes) return false;
    this.used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.used -= bytes;
  }
}
