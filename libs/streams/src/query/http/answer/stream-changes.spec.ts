import { createServer, get, type IncomingMessage } from 'node:http';
import { getEventListeners, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { json, stringSerde } from '../../../serdes/text-serdes.js';
import { ManualClock } from '../../../testing/manual-clock.js';
import { parseFeedPosition } from '../../feed/feed-position.js';
import type { FeedEvent } from '../../feed/store-feed.js';
import { storeDefinition } from '../../testing/fake-runtime.js';
import { EntryJson } from './entry-json.js';
import type { QueryResponse } from './http-answer.js';
import { streamChanges, type StreamChangesOptions } from './stream-changes.js';

const definition = storeDefinition('items', stringSerde, json<unknown>());

/** How many signals that `AbortSignal.any` has made of `signal` it refers to. */
function dependants(signal: AbortSignal): number {
  const name = Object.getOwnPropertySymbols(signal).find(({ description }) => description === 'kDependantSignals');
  const held = name && (Reflect.get(signal, name) as { readonly size: number } | undefined);
  return held?.size ?? 0;
}

describe('server-sent events', () => {
  const releases: (() => unknown)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0)) await release();
  });

  /** The URL of a feed. */
  async function served(
    open: Parameters<typeof streamChanges>[1],
    options: Partial<StreamChangesOptions> = {},
    onEnd: (failure: unknown) => void = () => undefined,
  ): Promise<string> {
    const server = createServer((_, response) => {
      streamChanges(response as unknown as QueryResponse, open, {
        definition,
        json: new EntryJson(definition, undefined, undefined),
        mayRead: undefined,
        headers: {},
        url: '/',
        stopping: new AbortController().signal,
        ...options,
      }).then(
        () => onEnd(undefined),
        (error: unknown) => {
          onEnd(error);
          response.destroy();
        },
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    releases.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('have an id where the feed can be taken up, and none before its snapshot has ended', async () => {
    const [key, value] = [Buffer.from('a'), Buffer.from('1')];
    const position = { at: 1, offsets: [2] };
    const url = await served(async () =>
      (async function* (): AsyncGenerator<FeedEvent> {
        yield { type: 'change', key, value, position: undefined };
        yield { type: 'change', key, value: null, position: undefined };
        yield { type: 'snapshot-end', position: { at: 1, offsets: [2] }, shown: [1] };
        yield { type: 'change', key, value, position };
      })(),
    );
    const [, ...events] = (await (await fetch(url)).text()).trimEnd().split('\n\n');
    expect(events).toEqual([
      'event: put\ndata: {"key":"a","value":1}',
      'event: delete\ndata: {"key":"a"}',
      'event: snapshot-end\nid: 1-2\ndata: {"position":"items:0:1"}',
      'event: put\nid: 1-2\ndata: {"key":"a","value":1}',
    ]);
  });

  it('say where the feed is, although everything that changes is hidden from the caller', async () => {
    const clock = new ManualClock();
    const events = async function* (): AsyncGenerator<FeedEvent> {
      for (let offset = 1; offset <= 12; offset++) {
        await clock.advance(1000);
        yield { type: 'change', key: Buffer.from('a'), value: null, position: { at: 1, offsets: [offset] } };
      }
    };
    const url = await served(async () => events(), { mayRead: () => false, clock });
    const ids = [...(await (await fetch(url)).text()).matchAll(/^event: bookmark\nid: (.*)$/gm)].map(([, id]) => id);
    expect(ids.map((id) => parseFeedPosition(id)?.offsets)).toEqual([[5], [10]]);
  });

  it('end with the instance, and leave nothing with its signal, whether they were opened or refused', async () => {
    const stopping = new AbortController();
    const { signal } = stopping;
    const signals: AbortSignal[] = [];
    const url = await served(
      async (feedSignal) => {
        signals.push(feedSignal);
        if (signals.length === 1) throw new Error('refused');
        return (async function* (): AsyncGenerator<FeedEvent> {
          if (signals.length === 2) return;
          yield { type: 'idle' };
          if (!feedSignal.aborted) await once(feedSignal, 'abort');
        })();
      },
      { stopping: signal },
    );
    await expect(fetch(url)).rejects.toThrow();
    await (await fetch(url)).text();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(dependants(signal)).toBe(0);
    const response = await fetch(url);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
    stopping.abort();
    expect(await response.text()).toContain(': idle');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await (await fetch(url)).text();
    expect(signals.at(-1)!.aborted).toBe(true);
  });

  it('that a reader leaves lying are no failure', async () => {
    const stopping = new AbortController();
    let end: (failure: unknown) => void = () => undefined;
    const ended = new Promise<unknown>((resolve) => (end = resolve));
    const events = async function* (): AsyncGenerator<FeedEvent> {
      const value = Buffer.from(JSON.stringify('x'.repeat(100_000)));
      for (;;) yield { type: 'entry', key: Buffer.from('a'), value };
    };
    const url = await served(async () => events(), { stopping: stopping.signal }, end);
    const [response] = (await once(get(url), 'response')) as [IncomingMessage];
    response.on('error', () => {}).pause();
    setTimeout(() => stopping.abort(), 200);
    expect(await ended).toBeUndefined();
  });

  it('are written to many at a time without a warning of listeners', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning);
    process.on('warning', onWarning);
    releases.push(() => process.off('warning', onWarning));
    const stopping = new AbortController();
    const events = async function* (signal: AbortSignal): AsyncGenerator<FeedEvent> {
      yield { type: 'idle' };
      if (!signal.aborted) await once(signal, 'abort');
    };
    const url = await served(async (signal) => events(signal), { stopping: stopping.signal });
    const responses = await Promise.all(Array.from({ length: 20 }, () => fetch(url)));
    stopping.abort();
    await Promise.all(responses.map((response) => response.text()));
    expect(warnings).toEqual([]);
  });
});
