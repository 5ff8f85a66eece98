/** Keys are latin1 text, one character a byte, so text order is byte order. */
const MAX_BLOCK = 512;

/**
 * A sorted set of keys in blocks: inserting moves at most one block, and a walk is sequential. Removing leaves empty blocks out.
 */
export class OrderedKeys {
  private blocks: string[][];

  /** @param keys in any order, without repetition. */
  constructor(keys: Iterable<string>) {
    const sorted = [...keys].sort();
    this.blocks = [];
    for (let from = 0; from < sorted.length; from += MAX_BLOCK / 2)
      this.blocks.push(sorted.slice(from, from + MAX_BLOCK / 2));
  }

  add(key: string): void {
    if (this.blocks.length === 0) {
      this.blocks.push([key]);
      return;
    }
    const at = Math.max(0, this.blockOf(key));
    const block = this.blocks[at];
    const index = lowerBound(block, key);
    if (block[index] === key) return;
    block.splice(index, 0, key);
    if (block.length > MAX_BLOCK) this.blocks.splice(at + 1, 0, block.splice(MAX_BLOCK / 2));
  }

  delete(key: string): void {
    const at = this.blockOf(key);
    if (at < 0) return;
    const block = this.blocks[at];
    const index = lowerBound(block, key);
    if (block[index] !== key) return;
    block.splice(index, 1);
    if (block.length === 0) this.blocks.splice(at, 1);
  }

  /** The keys from `gte` to before `lt`, ascending. */
  slice(gte: string | undefined, lt: string | undefined): string[] {
    const keys: string[] = [];
    const first = gte === undefined ? 0 : Math.max(0, this.blockOf(gte));
    for (let at = first; at < this.blocks.length; at++) {
      const block = this.blocks[at];
      if (lt !== undefined && block[0] >= lt) break;
      const from = gte === undefined || at > first ? 0 : lowerBound(block, gte);
      const to = lt === undefined || block[block.length - 1] < lt ? block.length : lowerBound(block, lt);
      for (let i = from; i < to; i++) keys.push(block[i]);
    }
    return keys;
  }

  /** The last block that begins at or before `key`; -1 if there is none. */
  private blockOf(key: string): number {
    let low = 0;
    let high = this.blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.blocks[middle][0] <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function lowerBound(block: readonly string[], key: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (block[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
