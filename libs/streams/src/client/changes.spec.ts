import { Response as OtherResponse } from 'undici';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ChangesOptions, StoreChange } from './changes.js';
import { StreamsClient } from './streams-client.js';
import { json, problem, problemBody, scripted } from './testing/scripted-fetch.js';

interface Item {
  readonly n: number;
}

interface Stores {
  readonly items: { readonly key: string; readonly value: Item };
  readonly [name: string]: { readonly key: unknown; readonly value: unknown };
}

type Told = StoreChange<string, Item>;

const client = (fetch: typeof globalThis.fetch, options: object = {}): StreamsClient<Stores> =>
  new StreamsClient<Stores>({ urls: ['http://a'], fetch, ...options });

const BEGIN = 'event: snapshot-begin\ndata: {}\n\n';
const events = (...texts: readonly string[]): Response => new Response(texts.join(''));
const RETRY = 'retry: 1000\n\n';
const ENTRY = 'event: entry\ndata: {"key":"a","value":{"n":1}}\n\n';
const failed = (name: string, status: number): string =>
  `event: problem\ndata: ${JSON.stringify(problemBody(name, status))}\n\n`;
const bookmark = (id: string): string => `event: bookmark\nid: ${id}\ndata: {"position":"items:0:1"}\n\n`;
const put = (n: number, id?: string): string =>
  `event: put\n${id === undefined ? '' : `id: ${id}\n`}data: {"key":"a","value":{"n":${n}}}\n\n`;

/** What a feed tells until `count` events have come. */
async function firstOf(
  fetch: typeof globalThis.fetch,
  count: number,
  options: ChangesOptions<string> = {},
): Promise<Told[]> {
  const told: Told[] = [];
  for await (const change of client(fetch).store('items').changes(options)) if (told.push(change) === count) break;
  return told;
}

describe('a feed of the client', () => {
  it('comes from a fetch whose Response is of another class', async () => {
    const { fetch } = scripted(new OtherResponse(BEGIN + put(1, 'a-1')) as unknown as Response);
    expect(await firstOf(fetch, 2)).toEqual([
      { type: 'snapshot-begin' },
      { type: 'put', key: 'a', value: { n: 1 }, id: 'a-1' },
    ]);
  });

  it('counts with its snapshot for what later reads have to show, and not with bookmarks, which owners may not have reached', async () => {
    const told = events(
      BEGIN,
      'event: snapshot-end\nid: a-7\ndata: {"position":"items:0:7,items:1:2"}\n\n',
      'event: bookmark\nid: a-9\ndata: {"position":"items:0:9"}\n\n',
    );
    const positions = async (options: object): Promise<unknown[]> => {
      const { fetch, asked } = scripted(told, json({ n: 1 }));
      const items = client(fetch, options).store('items');
      for await (const { type } of items.changes()) {
        await items.get('a');
        if (type === 'bookmark') break;
      }
      return asked.slice(1).map(([, headers]) => headers.get('streams-min-position'));
    };
    expect(await positions({ readYourWrites: true })).toEqual([null, 'items:0:7,items:1:2', 'items:0:7,items:1:2']);
    expect(await positions({})).toEqual([null, null, null]);
  });

  describe('that cannot go on from where it was', () => {
    it('says so if it has no snapshot: what happened since then would be lost in silence', async () => {
      const { fetch } = scripted(events(put(1, 'a-1')), problem('feed-gone', 410), events(put(99, 'a-99')));
      await expect(firstOf(fetch, 2, { hasSnapshot: false })).rejects.toMatchObject({
        name: 'StreamsProblem',
        status: 410,
        problem: 'feed-gone',
      });
    });

    it('says so too where the server finds out on the way', async () => {
      const { fetch } = scripted(events(put(1, 'a-1'), failed('feed-gone', 410)), events(put(99, 'a-99')));
      await expect(firstOf(fetch, 2, { hasSnapshot: false })).rejects.toMatchObject({ problem: 'feed-gone' });
    });

    it.each([
      ['is told by an answer', [events(put(1, 'a-1')), problem('feed-gone', 410)]],
      ['is told on the way', [events(put(1, 'a-1'), failed('feed-gone', 410))]],
    ])('begins again where that %s and it has a snapshot', async (_, answers) => {
      const { fetch, asked } = scripted(...answers, events(BEGIN, ENTRY));
      expect((await firstOf(fetch, 3)).map(({ type }) => type)).toEqual(['put', 'snapshot-begin', 'entry']);
      expect(asked.at(-1)?.[1].has('last-event-id')).toBe(false);
    });

    it('does not ask without end where even the beginning is gone', async () => {
      const { fetch, asked } = scripted(problem('feed-gone', 410));
      await expect(firstOf(fetch, 1)).rejects.toMatchObject({ problem: 'feed-gone' });
      expect(asked).toHaveLength(1);
    });
  });

  describe('that breaks off again and again', () => {
    afterEach(() => vi.useRealTimers());

    /** How often a feed is asked for in so many seconds, and what it throws if it is given up. */
    async function askedIn(
      seconds: number,
      answerTo: (n: number, headers: Headers) => Response,
      options: ChangesOptions<string> = {},
    ): Promise<{ readonly count: number; readonly error: unknown }> {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      let count = 0;
      const fetch = (async (_: string, init: RequestInit) => answerTo(++count, new Headers(init.headers))) as unknown;
      const stop = new AbortController();
      let error: unknown;
      const following = firstOf(fetch as typeof globalThis.fetch, Infinity, { ...options, signal: stop.signal }).catch(
        (thrown: unknown) => void (error = thrown),
      );
      for (let ms = 0; ms < seconds * 1000; ms += 10) {
        await vi.advanceTimersByTimeAsync(10);
        // Bodies are read in turns of the event loop.
        await new Promise(setImmediate);
      }
      stop.abort();
      await following;
      return { count, error };
    }

    it.each([
      ['at once', RETRY],
      ['behind the bookmark that says where it begins', RETRY + bookmark('a-1')],
      ['in the snapshot', RETRY + BEGIN + ENTRY],
      ['behind a snapshot that has no place yet', `${RETRY}${BEGIN}${ENTRY}event: snapshot-end\ndata: {}\n\n${put(1)}`],
    ])('is given up with the last problem when it ends %s each time', async (_, text) => {
      const { count, error } = await askedIn(200, (n) => events(text, failed(`reason-${n}`, 500)));
      expect(error).toMatchObject({ name: 'StreamsProblem', status: 500, problem: `reason-${count}` });
      expect(count).toBeGreaterThan(30);
      expect(count).toBeLessThan(34);
    });

    it('is not given up where a quiet feed that goes on from a place tells nothing but a bookmark each time', async () => {
      const { count, error } = await askedIn(100, (n) => events(RETRY, bookmark(`a-${n}`)), { lastEventId: 'a-0' });
      expect(error).toBeUndefined();
      expect(count).toBeGreaterThan(34);
    });

    it('is given up with the last problem though connections are lost behind it', async () => {
      const { error } = await askedIn(200, (n) => (n < 5 ? problem('unassigned', 503) : Response.error()));
      expect(error).toMatchObject({ problem: 'unassigned' });
    });

    it('is not given up while it comes further, and is not asked for without a pause', async () => {
      const seen: (string | null)[] = [];
      const { count, error } = await askedIn(100, (n, headers) => {
        seen.push(headers.get('last-event-id'));
        return events(RETRY, put(n, `a-${n}`));
      });
      expect(error).toBeUndefined();
      expect(seen.slice(0, 3)).toEqual([null, 'a-1', 'a-2']);
      expect(count).toBeGreaterThan(60);
      expect(count).toBeLessThan(500);
    });

    it('is not given up while its snapshot comes further each time', async () => {
      const { count, error } = await askedIn(60, (n) => events(RETRY, BEGIN, ENTRY.repeat(n), failed('failed', 500)));
      expect(error).toBeUndefined();
      expect(count).toBeGreaterThan(34);
    });

    it('is not given up where it is cut off in quiet times', async () => {
      const { count, error } = await askedIn(60, () => events(RETRY, ': idle\n\n'), { lastEventId: 'a-1' });
      expect(error).toBeUndefined();
      expect(count).toBeGreaterThan(34);
    });

    it('is taken up at once where it has held for a while', async () => {
      const { error } = await askedIn(3, (n) => {
        if (n > 1) return problem('forbidden', 403);
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(new TextEncoder().encode(RETRY + put(1, 'a-1')));
            setTimeout(() => controller.close(), 2900);
          },
        });
        return new Response(body);
      });
      expect(error).toMatchObject({ problem: 'forbidden' });
    });
  });
});
