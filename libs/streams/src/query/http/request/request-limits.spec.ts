import { describe, expect, it } from 'vitest';
import { RequestLimits } from './request-limits.js';

const CLIENT = '10.0.0.1';

describe('the limits of requests', () => {
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
    const giveBack = limits.wait(false, 'a');
    limits.wait(false, 'a');
    expect(() => limits.wait(false, 'a')).toThrow(expect.objectContaining({ code }));
    limits.wait(false, 'b');
    giveBack();
    limits.wait(false, 'a');
  });
});
