/**
 * Runs writes one after the other. The bindings hand each write to a pool of threads, where two that overlap may be applied in either order;
 * the batch itself is built before the wait, so building overlaps with writing. After a failure the writes behind it are refused, because
 * their position would hide the gap.
 */
export class WriteQueue {
  private tail: Promise<void> | undefined;
  private failure: unknown;

  run(write: () => Promise<void>): Promise<void> {
    const before = this.tail;
    const current = before ? before.then(() => this.attempt(write)) : this.attempt(write);
    const settled: Promise<void> = current.then(
      () => this.forget(settled),
      () => this.forget(settled),
    );
    this.tail = settled;
    return current;
  }

  get isIdle(): boolean {
    return this.tail === undefined;
  }

  /** Settles when nothing is under way. */
  async idle(): Promise<void> {
    while (this.tail) await this.tail;
  }

  private async attempt(write: () => Promise<void>): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    try {
      await write();
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  private forget(settled: Promise<void>): void {
    if (this.tail === settled) this.tail = undefined;
  }
}
