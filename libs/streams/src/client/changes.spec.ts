import { Response as OtherResponse } from 'undici';
import { describe, expect, it } from 'vitest';
import type { ChangesOptions, StoreChange } from './changes.js';
import { StreamsClient } from './streams-client.js';
import { json, scripted } from './testing/scripted-fetch.js';

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
});
