import { describe, expect, it } from 'vitest';
import { RequestLimits } from './request-limits.js';

const CLIENT = '10.0.0.1';

describe('the limits of requests', () => {
  const present = (): boolean => false;

  it('let so many in at once, so many wait in their order, and refuse the others', async () => {
    const limits = new RequestLimits({ maxConcurrent: 1, maxQueued: 2 });
    const entered: string[] = [];
    expect(limits.enter(CLIENT, present)).toBeUndefined();
    const waiting = ['a', 'b'].map((name) => limits.enter(CLIENT, present)!.then(() => entered.push(name)));
    expect(() => limits.enter(CLIENT, present)).toThrow(/Too many requests/);
    limits.leave(CLIENT);
    await waiting[0];
    limits.leave(CLIENT);
    await waiting[1];
    expect(entered).toEqual(['a', 'b']);
    limits.leave(CLIENT);
    expect(limits.enter(CLIENT, present)).toBeUndefined();
  });

  it('give the place of a client that has gone to the next one', async () => {
    const limits = new RequestLimits({ maxConcurrent: 1, maxQueued: 1 });
    let isGone = false;
    expect(limits.enter(CLIENT, present)).toBeUndefined();
    const gone = limits.enter(CLIENT, () => isGone)!;
    isGone = true;
    const next = limits.enter(CLIENT, present)!;
    await expect(gone).rejects.toMatchObject({ code: 'STREAMS_QUERY_OVERLOADED' });
    limits.leave(CLIENT);
    await next;
    limits.leave(CLIENT);
    expect(limits.enter(CLIENT, present)).toBeUndefined();
  });

  it('refuse a name of a client that is no text, also a promise that rejects', () => {
    for (const answer of [undefined, 7, Promise.resolve('alice'), Promise.reject(new Error('No session.'))]) {
      const limits = new RequestLimits({ clientOf: (() => answer) as never });
      expect(() => limits.clientOf({} as never)).toThrow('"query.clientOf" must return a string');
    }
  });

  it('keep the places of streams apart, and give them back whatever happens', async () => {
    const limits = new RequestLimits({ maxStreams: 1 });
    let end = (): void => {};
    const first = limits.whileStreaming(CLIENT, () => new Promise((resolve) => (end = resolve)));
    await expect(limits.whileStreaming(CLIENT, async () => {})).rejects.toMatchObject({
      code: 'STREAMS_QUERY_OVERLOADED',
    });
    end();
    await first;
    await expect(limits.whileStreaming(CLIENT, () => Promise.reject(new Error('broke')))).rejects.toThrow('broke');
    await limits.whileStreaming(CLIENT, async () => {});
  });

  it('let clients take turns, and refuse those with the most requests first', async () => {
    const limits = new RequestLimits({ maxConcurrent: 2, maxQueued: 3 });
    const entered: string[] = [];
    const ask = (client: string): Promise<unknown> | undefined =>
      limits.enter(client, present)?.then(
        () => entered.push(client),
        () => entered.push(`${client} refused`),
      );
    const [, , ...greedy] = Array.from({ length: 5 }, () => ask('greedy'));
    expect(() => limits.enter('greedy', present)).toThrow(/Too many requests/);
    const modest = ask('modest');
    await greedy[2];
    expect(entered).toEqual(['greedy refused']);
    limits.leave('greedy');
    await modest;
    expect(entered).toEqual(['greedy refused', 'modest']);
    limits.leave('modest');
    limits.leave('greedy');
    await Promise.all(greedy);
    expect(entered).toEqual(['greedy refused', 'modest', 'greedy', 'greedy']);
  });

  it('leave half of the streams and of the waits to other clients', async () => {
    const limits = new RequestLimits({ maxStreams: 4, maxWaiting: 4 });
    const code = 'STREAMS_QUERY_OVERLOADED';
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    const open = (client: string): Promise<void> => limits.whileStreaming(client, () => ended);
    const streams = [open('a'), open('a')];
    await expect(open('a')).rejects.toMatchObject({ code });
    streams.push(open('b'), open('b'));
    await expect(open('c')).rejects.toMatchObject({ code });
    end();
    await Promise.all(streams);
    const giveBack = limits.wait('a');
    limits.wait('a');
    expect(() => limits.wait('a')).toThrow(expect.objectContaining({ code }));
    limits.wait('b');
    giveBack();
    limits.wait('a');
  });
});
