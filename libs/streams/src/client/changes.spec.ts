import { Response as OtherResponse } from 'undici';
import { describe, expect, it } from 'vitest';
import type { ChangesOptions, StoreChange } from './changes.js';
import { StreamsClient } from './streams-client.js';
import { scripted } from './testing/scripted-fetch.js';

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
});
