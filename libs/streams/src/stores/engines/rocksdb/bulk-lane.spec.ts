import { describe, expect, it } from 'vitest';
import { BulkLane } from './bulk-lane.js';

/** Calls that end when the test says so. */
class Calls {
  readonly begun: string[] = [];
  private readonly ends = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();

  call(name: string): () => Promise<string> {
    return () => {
      this.begun.push(name);
      return new Promise((resolve, reject) => this.ends.set(name, { resolve: () => resolve(name), reject }));
    };
  }

  end(name: string): void {
    this.ends.get(name)!.resolve();
  }

  fail(name: string, error: Error): void {
    this.ends.get(name)!.reject(error);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('BulkLane', () => {
  it('lets half of the threads work at a time, in the order of the calls', async () => {
    const lane = new BulkLane(4);
    const calls = new Calls();
    const results = ['a', 'b', 'c', 'd'].map((name) => lane.run(calls.call(name)));
    expect(calls.begun).toEqual(['a', 'b']);
    calls.end('b');
    await turn();
    expect(calls.begun).toEqual(['a', 'b', 'c']);
    calls.end('a');
    calls.end('c');
    await turn();
    calls.end('d');
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('gives the place of a call that failed to the next', async () => {
    const lane = new BulkLane(2);
    const calls = new Calls();
    const failing = expect(lane.run(calls.call('a'))).rejects.toThrow('the disk is gone');
    const next = lane.run(calls.call('b'));
    calls.fail('a', new Error('the disk is gone'));
    await failing;
    await turn();
    calls.end('b');
    expect(await next).toBe('b');
  });

  it('does not let a newcomer overtake one who waits', async () => {
    const lane = new BulkLane(2);
    const calls = new Calls();
    const results = [lane.run(calls.call('a')), lane.run(calls.call('b'))];
    calls.end('a');
    await results[0];
    results.push(lane.run(calls.call('c')));
    await turn();
    expect(calls.begun).toEqual(['a', 'b']);
    calls.end('b');
    await turn();
    calls.end('c');
    await Promise.all(results);
    expect(calls.begun).toEqual(['a', 'b', 'c']);
  });

  it.each([1, 0, Number.NaN])('works one call at a time at least, with %s threads named', async (threads) => {
    expect(await new BulkLane(threads).run(() => Promise.resolve('done'))).toBe('done');
  });
});
