/** Counts something by client, and remembers only clients that have some. */
export class ClientCounts {
  total = 0;
  private readonly counts = new Map<string, number>();

  of(client: string): number {
    return this.counts.get(client) ?? 0;
  }

  add(client: string): void {
    this.total++;
    this.counts.set(client, this.of(client) + 1);
  }

  remove(client: string): void {
    this.total--;
    const left = this.of(client) - 1;
    if (left > 0) this.counts.set(client, left);
    else this.counts.delete(client);
  }

  /** Returns the client with the most; undefined where nobody has any. */
  heaviest(): string | undefined {
    let found: string | undefined;
    for (const [client, count] of this.counts) if (count > (found === undefined ? 0 : this.of(found))) found = client;
    return found;
  }
}
