import 'reflect-metadata';
import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { afterEach, describe, expect, it } from 'vitest';
import { StateStore } from '../../decorators/state-store.decorator.js';
import { stringSerde } from '../../serdes/text-serdes.js';
import { KeyValueStore } from '../../stores/key-value/key-value-store.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { StreamsQueryService } from '../streams-query.service.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { listen } from '../testing/listen.js';

const MIB = 1024 * 1024;
const COUNT = 40;
const keys = Array.from({ length: COUNT }, (_, n) => String(n).padStart(3, '0'));

interface Page {
  readonly items: readonly { readonly key: string }[];
  readonly next?: string;
}

async function largeEntries(storeClass?: StoreDefinition['storeClass']): Promise<FakeRuntime> {
  const runtime = new FakeRuntime([storeDefinition('s', stringSerde, stringSerde, storeClass && { storeClass })], 2);
  for (const key of keys) await runtime.store('s').put(key, 'x'.repeat(MIB));
  return runtime;
}

describe('a page of entries that "authorize" or "map" looks at', () => {
  let app: INestApplication | undefined;
  afterEach(() => app?.close());

  it.each(['all', 'none'] as const)(
    'ends at 16 MiB and is gone on with from there, where the caller sees %s',
    async (seen) => {
      @StateStore({
        name: 's',
        key: 'string',
        value: 'string',
        query: { authorize: () => seen === 'all', map: () => null },
      })
      class S extends KeyValueStore<string, string> {}
      const served = await listen(new ExpressAdapter(), await largeEntries(S));
      app = served.app;
      const pages: string[][] = [];
      for (let cursor: string | undefined; ;) {
        const path = `/stores/s/entries?limit=1000${cursor === undefined ? '' : `&cursor=${cursor}`}`;
        const page = (await (await fetch(served.url + path)).json()) as Page;
        pages.push(page.items.map(({ key }) => key));
        if (page.next === undefined) break;
        cursor = page.next;
      }
      expect(pages.flat()).toEqual(seen === 'all' ? keys : []);
      expect(pages.length).toBe(3);
    },
  );
});

describe('a page of large entries', () => {
  it('ends at 8 MiB, and is gone on with from there', async () => {
    const queries = new StreamsQueryService(await largeEntries());
    const sizes: number[] = [];
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
      const { entries, next } = await queries.page('s', { limit: 1000, ...(cursor !== undefined && { cursor }) });
      sizes.push(entries.length);
      cursor = next;
    }
    expect(sizes.reduce((sum, size) => sum + size)).toBe(COUNT);
    expect(Math.max(...sizes)).toBe(8);
  });
});

describe('a stream of large entries', () => {
  it('comes in batches of no more than a few', async () => {
    const queries = new StreamsQueryService(await largeEntries());
    const { batches } = await queries.stream('s');
    const sizes: number[] = [];
    for await (const batch of batches) sizes.push(batch.length);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(COUNT);
    expect(Math.max(...sizes)).toBe(1);
  });
});
