import { describe, expect, it } from 'vitest';
import { RequestLimits } from './request-limits.js';

describe('the limits of requests', () => {
  const present = (): boolean => false;

  it('let so many in at once, so many wait in their order, and refuse the others', async () => {
    const limits = new RequestLimits({ maxConcurrent: 1, maxQueued: 2 });
    const entered: string[] = [];
    expect(limits.enter(present)).toBeUndefined();
    const waiting = ['a', 'b'].map((name) => limits.enter(present)!.then(() => entered.push(name)));
    expect(() => limits.enter(present)).toThrow(/Too many requests/);
    limits.leave();
    await waiting[0];
    limits.leave();
    await waiting[1];
    expect(entered).toEqual(['a', 'b']);
    limits.leave();
    expect(limits.enter(present)).toBeUndefined();
  });

  it('give the place of a client that has gone to the next one', async () => {
    const limits = new RequestLimits({ maxConcurrent: 1, maxQueued: 1 });
    let isGone = false;
    expect(limits.enter(present)).toBeUndefined();
    const gone = limits.enter(() => isGone)!;
    isGone = true;
    const next = limits.enter(present)!;
    await expect(gone).rejects.toMatchObject({ code: 'STREAMS_QUERY_OVERLOADED' });
    limits.leave();
    await next;
    limits.leave();
    expect(limits.enter(present)).toBeUndefined();
  });

  it('keep the places of streams apart, and give them back whatever happens', async () => {
    const limits = new RequestLimits({ maxStreams: 1 });
    let end = (): void => {};
    const first = limits.whileStreaming(() => new Promise((resolve) => (end = resolve)));
    await expect(limits.whileStreaming(async () => {})).rejects.toMatchObject({ code: 'STREAMS_QUERY_OVERLOADED' });
    end();
    await first;
    await expect(limits.whileStreaming(() => Promise.reject(new Error('broke')))).rejects.toThrow('broke');
    await limits.whileStreaming(async () => {});
  });
});
