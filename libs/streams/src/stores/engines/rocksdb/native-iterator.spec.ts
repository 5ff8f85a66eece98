import { describe, expect, it } from 'vitest';
import { NativeIterator, ReadAhead, type NativeSnapshot } from './native-iterator.js';

interface RunOptions {
  readonly capacity: number;
  readonly limit: number;
}

/** Entries of `valueBytes` without end, and how each native iterator over them was opened. */
class EndlessSnapshot implements NativeSnapshot {
  readonly runs: RunOptions[] = [];

  constructor(private readonly valueBytes: number) {}

  async *iterator(_range: object, options: object): AsyncGenerator<{ key: Buffer; value: Buffer }> {
    const run = options as RunOptions;
    this.runs.push(run);
    for (let n = 0; n < run.limit; n++) yield { key: Buffer.from('k'), value: Buffer.alloc(this.valueBytes) };
  }

  async close(): Promise<void> {}
}

describe('a scan of rocksdb-native', () => {
  const STEP_BYTES = 256 * 1024;
  const scan = async (snapshot: EndlessSnapshot, readAhead: ReadAhead): Promise<number[]> => {
    const iterator = new NativeIterator(snapshot, {}, { directory: 'd', readAhead, onClosed: () => {} });
    const steps: number[] = [];
    for (let n = 0; n < 3; n++) steps.push((await iterator.next(1024, STEP_BYTES)).values.length);
    await iterator.close();
    return steps;
  };

  it('reads few large entries at a time, and none ahead of them', async () => {
    const snapshot = new EndlessSnapshot(500_000);
    const readAhead = new ReadAhead();
    expect(await scan(snapshot, readAhead)).toEqual([1, 1, 1]);
    expect(snapshot.runs[0]).toMatchObject({ capacity: 4, limit: 4 });
    const later = new EndlessSnapshot(500_000);
    expect(await scan(later, readAhead)).toEqual([1, 1, 1]);
    for (const run of later.runs) expect(run).toMatchObject({ capacity: 1, limit: 1 });
  });

  it('reads many small entries with one iterator, once it knows that they are small', async () => {
    const snapshot = new EndlessSnapshot(50);
    expect(await scan(snapshot, new ReadAhead())).toEqual([1024, 1024, 1024]);
    expect(snapshot.runs).toMatchObject([
      { capacity: 4, limit: 4 },
      { capacity: 256, limit: Infinity },
    ]);
  });

  it('ends an iterator over small entries when the entries become large', async () => {
    const readAhead = new ReadAhead();
    await scan(new EndlessSnapshot(50), readAhead);
    const snapshot = new EndlessSnapshot(500_000);
    expect(await scan(snapshot, readAhead)).toEqual([1, 1, 1]);
    expect(snapshot.runs.map(({ capacity }) => capacity)).toEqual([256, 1, 1]);
  });
});
