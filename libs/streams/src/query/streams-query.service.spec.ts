import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SerdeError } from '../errors/serde-error.js';
import { bytesSerde, int64Serde } from '../serdes/binary-serdes.js';
import type { Serde } from '../serdes/serde.js';
import { json, stringSerde } from '../serdes/text-serdes.js';
import { MAX_KEY_BYTES } from './read-key.js';
import { MAX_PAGE_LIMIT } from './scan/store-scans.js';
import { StreamsQueryService, type ScanRequest } from './streams-query.service.js';
import { FakeRuntime, storeDefinition, type FakeStore } from './testing/fake-runtime.js';

const balances = storeDefinition('balances', stringSerde, json<{ n: number }>());
const elsewhere = { instanceId: 'there', url: 'http://there:3000', isLocal: false };
const restore = { remainingRecords: 1234, etaMs: 2500 } as never;

function world(...definitions: Parameters<typeof storeDefinition>[]): {
  runtime: FakeRuntime;
  queries: StreamsQueryService;
  store: FakeStore;
} {
  const stores = definitions.length > 0 ? definitions.map((args) => storeDefinition(...args)) : [balances];
  const runtime = new FakeRuntime(stores);
  return { runtime, queries: new StreamsQueryService(runtime), store: runtime.store(stores[0].name) };
}

async function filled(count: number): Promise<ReturnType<typeof world>> {
  const made = world();
  for (let n = 0; n < count; n++) await made.store.put(`k${n}`, { n });
  return made;
}

async function pages(queries: StreamsQueryService, store: string, request: ScanRequest): Promise<unknown[]> {
  const keys: unknown[] = [];
  let cursor: string | undefined;
  do {
    const page = await queries.list(store, { ...request, ...(cursor !== undefined && { cursor }) });
    keys.push(...page.items.map(({ key }) => key));
    expect(page.items.length).toBeLessThanOrEqual(request.limit ?? 50);
    expect(page.items.length > 0 || (cursor === undefined && page.next === undefined), 'an empty page').toBe(true);
    cursor = page.next;
  } while (cursor !== undefined);
  return keys;
}

const problem = (name: string, members: object = {}): unknown =>
  expect.objectContaining({ problem: expect.objectContaining({ name }), ...members });

describe('a point read', () => {
  it('answers the stored bytes with the place they were read at', async () => {
    const { queries, store } = await filled(0);
    const partition = await store.put('a/b %', { n: 1 });
    const answer = await queries.get('balances', 'a/b %');
    expect(Buffer.from(answer.value).toString()).toBe('{"n":1}');
    expect(answer).toMatchObject({ freshness: { partition, position: 100 + partition } });
  });

  it('tells an absent key from an absent store, and a hidden store not from an absent one', async () => {
    const { queries } = world(
      ['open', stringSerde, stringSerde],
      ['hidden', stringSerde, stringSerde, { isQueryable: false }],
    );
    await expect(queries.get('open', 'x')).rejects.toEqual(problem('key-not-found'));
    const [hidden, absent] = await Promise.allSettled([queries.get('hidden', 'x'), queries.get('absent', 'x')]);
    expect(hidden).toEqual(absent);
    expect(hidden).toMatchObject({ reason: problem('store-not-found') });
    expect(queries.describeStores().map(({ name }) => name)).toEqual(['open']);
  });

  it('refuses keys that are none', async () => {
    const { parseKey: _, ...withoutText } = stringSerde;
    const throwing: Serde<string> = {
      ...stringSerde,
      name: 'odd',
      parseKey: () => {
        throw new TypeError('odd');
      },
    };
    const { queries } = world(
      ['longs', int64Serde, stringSerde],
      ['mute', withoutText, stringSerde],
      ['odd', throwing, stringSerde],
      ['texts', stringSerde, stringSerde],
    );
    for (const [store, key] of [
      ['longs', '1.5'],
      ['mute', 'a'],
      ['odd', 'a'],
    ]) {
      await expect(queries.get(store, key)).rejects.toEqual(problem('invalid-key'));
    }
    await expect(queries.get('texts', 'é'.repeat(MAX_KEY_BYTES / 2 + 1))).rejects.toEqual(problem('key-too-long'));
    await expect(queries.get('texts', 'é'.repeat(MAX_KEY_BYTES / 2))).rejects.toEqual(problem('key-not-found'));
  });

  it('names the owner of a partition that is elsewhere, even while its store is still open here', async () => {
    const { queries, store } = await filled(0);
    const partition = await store.put('a', { n: 1 });
    const { view } = store.local(partition) ?? {};
    for (const local of [undefined, { state: 'suspended' as const, view }]) {
      store.set(partition, local, elsewhere);
      await expect(queries.get('balances', 'a')).rejects.toEqual(
        problem('not-owner', {
          members: expect.objectContaining({ owner: 'http://there:3000', partition }),
          retryAfterS: undefined,
        }),
      );
    }
    store.set(partition, { state: 'suspended', view }, undefined);
    expect(await queries.get('balances', 'a')).toMatchObject({ freshness: { partition } });
  });

  it.each([
    ['the estimate, rounded up', 2500, 3],
    ['no less than a second', 10, 1],
    ['no more than a minute', 1e9, 60],
    ['a guess where nothing is known', undefined, 5],
  ])('says what is left to restore and when to come back: %s', async (_, etaMs, retryAfterS) => {
    const { queries, store } = await filled(0);
    const partition = store.partitionOf(Buffer.from('a'));
    store.set(partition, { state: 'restoring', restore: { remainingRecords: 1234, etaMs } as never });
    await expect(queries.get('balances', 'a')).rejects.toEqual(
      problem('restoring', {
        retryAfterS,
        members: expect.objectContaining({ remainingRecords: 1234, etaMs, retryAfterS }),
      }),
    );
  });

  it('answers for the others while one partition restores', async () => {
    const { queries, store } = await filled(40);
    store.set(0, { state: 'restoring' });
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => queries.get('balances', `k${n}`)));
    for (const [n, { status }] of outcomes.entries()) {
      expect(status).toBe(store.partitionOf(Buffer.from(`k${n}`)) === 0 ? 'rejected' : 'fulfilled');
    }
  });

  it('says so when nobody owns the partition, and when the instance does not run', async () => {
    const { queries, store, runtime } = await filled(0);
    const partition = store.partitionOf(Buffer.from('a'));
    store.set(partition, undefined);
    await expect(queries.get('balances', 'a')).rejects.toEqual(problem('unassigned'));
    store.set(partition, { state: 'closed' });
    await expect(queries.get('balances', 'a')).rejects.toEqual(problem('unassigned'));
    for (const state of ['created', 'starting', 'stopping', 'stopped', 'failed'] as const) {
      runtime.state = state;
      await expect(queries.get('balances', 'a')).rejects.toEqual(problem('not-running', { retryAfterS: 5 }));
    }
  });

  it('goes on answering while the instance rebalances or stops, for as long as the store is open', async () => {
    const { queries, runtime } = await filled(1);
    for (const state of ['rebalancing', 'stopping'] as const) {
      runtime.state = state;
      expect(await queries.get('balances', 'k0')).toBeDefined();
    }
  });

  it('never takes a store that closed under the read for one without the key', async () => {
    const { queries, store } = await filled(1);
    const partition = store.partitionOf(Buffer.from('k0'));
    store.beforeRead = () => {
      store.beforeRead = undefined;
      store.reopen(partition);
      store.set(partition, undefined, elsewhere);
    };
    await expect(queries.get('balances', 'k0')).rejects.toEqual(problem('not-owner'));
    store.reopen(partition);
    store.beforeRead = () => store.reopen(partition);
    await expect(queries.get('balances', 'k0')).rejects.toEqual(problem('unassigned'));
  });
});

describe('a scan', () => {
  it('pages through all partitions as one sorted list, whatever the range, the order and the page', async () => {
    const key = fc.uint8Array({ maxLength: 3, max: 3 }).chain((low) =>
      fc.constantFrom(
        low,
        Uint8Array.from(low, (b) => 255 - b),
      ),
    );
    const bound = fc.option(key, { nil: undefined });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { maxLength: 60, selector: (k) => Buffer.from(k).toString('hex') }),
        fc.tuple(bound, bound, bound, fc.boolean()),
        fc.constantFrom('asc' as const, 'desc' as const),
        fc.integer({ min: 1, max: 20 }),
        async (keys, [from, to, prefix, isPrefix], order, limit) => {
          const { queries, store } = world(['s', bytesSerde, bytesSerde]);
          for (const [i, k] of keys.entries()) await store.put(k, k, i % 4);
          const range = isPrefix ? { prefix } : { from, to };
          const request = Object.fromEntries(
            Object.entries(range).flatMap(([name, bytes]) => (bytes ? [[name, bytesSerde.formatKey?.(bytes)]] : [])),
          );
          const model = keys
            .map((k) => Buffer.from(k))
            .filter((k) => isPrefix || ((!from || k.compare(from) >= 0) && (!to || k.compare(to) <= 0)))
            .filter((k) => !isPrefix || !prefix || k.subarray(0, prefix.length).equals(prefix))
            .sort(Buffer.compare);
          if (order === 'desc') model.reverse();
          expect(await pages(queries, 's', { ...request, order, limit })).toEqual(model);
          expect(store.openCursors).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(['asc', 'desc'] as const)(
    'shows a key of several partitions once for each, over page ends too (%s)',
    async (order) => {
      const { queries, store } = world();
      for (let partition = 0; partition < 4; partition++) {
        for (const key of ['a', 'b', 'c']) await store.put(key, { n: partition }, partition);
      }
      const expected = 'aaaabbbbcccc'.split('');
      if (order === 'desc') expected.reverse();
      for (let limit = 1; limit <= 5; limit++) {
        expect(await pages(queries, 'balances', { order, limit })).toEqual(expected);
      }
    },
  );

  it('fills a page from one partition if that is where the entries are', async () => {
    const { queries, store } = world();
    const keys = Array.from({ length: 500 }, (_, n) => `k${n}`);
    for (const [n, key] of keys.entries()) await store.put(key, { n }, n < 490 ? 2 : 3);
    expect(await pages(queries, 'balances', { limit: 400 })).toEqual(keys.sort());
  });

  it('bounds a page, and has 50 entries by default', async () => {
    const { queries } = await filled(MAX_PAGE_LIMIT + 1);
    expect((await queries.list('balances')).items).toHaveLength(50);
    const page = await queries.list('balances', { limit: 1e9 });
    expect(page.items).toHaveLength(MAX_PAGE_LIMIT);
    expect(page.next).toBeDefined();
    expect(page.freshness.map(({ position }) => position)).toEqual([100, 101, 102, 103]);
  });

  it('reads the prefix of a text key as text, of a JSON key as the start of its JSON', async () => {
    const { queries, store } = world(['j', json<string>(), stringSerde]);
    for (const key of ['ab', 'abc', 'b']) await store.put(key, key);
    expect(await pages(queries, 'j', { prefix: '"ab' })).toEqual(['ab', 'abc']);
    await expect(queries.list('j', { prefix: '"a', from: '"a"' })).rejects.toEqual(problem('invalid-parameter'));
  });

  it('is refused as a whole if one partition cannot be read, and says which and why', async () => {
    const { queries, store } = await filled(10);
    store.set(1, { state: 'restoring', restore });
    await expect(queries.list('balances')).rejects.toEqual(
      problem('restoring', { retryAfterS: 3, members: expect.objectContaining({ remainingRecords: 1234 }) }),
    );
    store.set(2, undefined, elsewhere);
    store.set(3, undefined);
    await expect(queries.list('balances')).rejects.toEqual(
      problem('incomplete', {
        retryAfterS: 30,
        members: expect.objectContaining({
          partitionCount: 4,
          missing: [
            { partition: 1, reason: 'restoring', remainingRecords: 1234, etaMs: 2500 },
            { partition: 2, reason: 'not-owner', ownerInstance: 'there', owner: 'http://there:3000' },
            { partition: 3, reason: 'unassigned' },
          ],
        }),
      }),
    );
  });

  it('never ends early because a partition closed under it, and closes its cursors', async () => {
    const { queries, store } = await filled(30);
    store.beforeRead = () => store.set(2, undefined, elsewhere);
    await expect(queries.list('balances')).rejects.toEqual(problem('incomplete'));
    expect(store.openCursors).toBe(0);
  });

  it('closes its cursors when a read fails', async () => {
    const { queries, store } = await filled(30);
    store.beforeRead = () => {
      throw new SerdeError('json', 'broken');
    };
    await expect(queries.list('balances')).rejects.toThrow('broken');
    expect(store.openCursors).toBe(0);
  });
});

describe('a cursor', () => {
  it('is good for the query it came from and no other', async () => {
    const { queries, runtime } = await filled(30);
    const request = { from: 'k1', to: 'k9', limit: 5 };
    const cursor = (await queries.list('balances', request)).next as string;
    expect((await queries.list('balances', { ...request, limit: 7, cursor })).items).toHaveLength(7);
    const others: ScanRequest[] = [
      { ...request, order: 'desc' },
      { ...request, from: 'k2' },
      { from: 'k1' },
      { prefix: 'k' },
    ];
    for (const other of others) {
      await expect(queries.list('balances', { ...other, cursor })).rejects.toEqual(problem('invalid-cursor'));
    }
    await expect(new StreamsQueryService(runtime).list('balances', { ...request, cursor })).rejects.toEqual(
      problem('invalid-cursor'),
    );
  });

  it('of another store is refused', async () => {
    const { queries, runtime, store } = world(['a', stringSerde, stringSerde], ['b', stringSerde, stringSerde]);
    for (const key of ['x', 'y']) {
      await store.put(key, key);
      await runtime.store('b').put(key, key);
    }
    const cursor = (await queries.list('a', { limit: 1 })).next as string;
    await expect(queries.list('b', { limit: 1, cursor })).rejects.toEqual(problem('invalid-cursor'));
  });

  it('is refused when any character of it was changed, added or taken away', async () => {
    const { queries } = await filled(30);
    const cursor = (await queries.list('balances', { limit: 5 })).next as string;
    const forged = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.nat(cursor.length - 1), fc.constantFrom('A', 'B', '.', '-'))
        .map(([at, c]) => cursor.slice(0, at) + c + cursor.slice(at + 1)),
      fc.nat(cursor.length - 1).map((length) => cursor.slice(0, length)),
      fc.constantFrom('', '.', '..', `${cursor}.`, `${cursor}=`, `${cursor}.${cursor}`),
    );
    await fc.assert(
      fc.asyncProperty(
        forged.filter((text) => text !== cursor),
        async (text) => {
          await expect(queries.list('balances', { limit: 5, cursor: text })).rejects.toEqual(problem('invalid-cursor'));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('outlives the process where the secret is given', async () => {
    const { runtime } = await filled(30);
    const [before, after] = [1, 2].map(() => new StreamsQueryService(runtime, { cursorSecret: () => 'shared' }));
    const { next } = await before.list('balances', { limit: 29 });
    expect((await after.list('balances', { cursor: next as string })).items).toHaveLength(1);
  });
});

it('describes a store and where its partitions are, in any state of the instance', async () => {
  const { queries, runtime, store } = await filled(1);
  store.set(1, { state: 'restoring', restore });
  store.set(2, undefined, elsewhere);
  store.set(3, undefined);
  expect(await queries.describeStore('balances')).toEqual({
    name: 'balances',
    kind: 'key-value',
    key: 'string',
    value: 'json',
    contentType: 'application/json',
    engine: 'memory',
    partitionCount: 4,
    approximateLocalEntries: 42,
    partitions: [
      { partition: 0, reason: 'readable', position: 100 },
      { partition: 1, reason: 'restoring', remainingRecords: 1234, etaMs: 2500 },
      { partition: 2, reason: 'not-owner', ownerInstance: 'there', owner: 'http://there:3000' },
      { partition: 3, reason: 'unassigned' },
    ],
  });
  runtime.state = 'created';
  expect(await queries.describeStore('balances')).toMatchObject({ name: 'balances', partitions: [] });
  await expect(queries.describeStore('none')).rejects.toEqual(problem('store-not-found'));
});

describe('a store that looks in every partition', () => {
  it('finds a key wherever it is, and never answers one of several values', async () => {
    const { queries, store } = world(['balances', stringSerde, json(), { lookup: 'every-partition' }]);
    const home = store.partitionOf(Buffer.from('a'));
    const away = (home + 1) % 4;
    await expect(queries.get('balances', 'a')).rejects.toEqual(problem('key-not-found'));
    await store.put('a', { n: 1 }, away);
    expect(await queries.get('balances', 'a')).toMatchObject({ freshness: { partition: away } });
    const { values } = await queries.lookup('balances', [Buffer.from('a'), Buffer.from('b')]);
    expect(values.map((value) => value && Buffer.from(value).toString())).toEqual(['{"n":1}', undefined]);

    await store.put('a', { n: 2 }, home);
    const ambiguous = problem('key-ambiguous', {
      members: { store: 'balances', partitions: expect.arrayContaining([home, away]) },
    });
    await expect(queries.get('balances', 'a')).rejects.toEqual(ambiguous);
    await expect(queries.lookup('balances', [Buffer.from('a')])).rejects.toEqual(ambiguous);
    expect((await queries.list('balances')).items).toHaveLength(2);
    expect(() => queries.metadataForKey('balances', 'a')).toThrow(/any partition/);
  });
});
