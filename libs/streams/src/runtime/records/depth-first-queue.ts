/** What waits for its turn, in an order that is depth first: items pushed since the last `take` come before all older ones, in the order of their pushes. */
export class DepthFirstQueue<T> {
  /** The next item is last; those from `turned` on are still in the order of their pushes. */
  private readonly stack: T[] = [];
  private turned = 0;

  get size(): number {
    return this.stack.length;
  }

  push(item: T): void {
    this.stack.push(item);
  }

  take(): T | undefined {
    const { stack } = this;
    for (let low = this.turned, high = stack.length - 1; low < high; low++, high--) {
      const item = stack[low]!;
      stack[low] = stack[high]!;
      stack[high] = item;
    }
    const next = stack.pop();
    this.turned = stack.length;
    return next;
  }

  clear(): void {
    this.stack.length = 0;
    this.turned = 0;
  }
}
