import { describe, expect, it } from 'vitest';
import { StreamsClient } from './streams-client.js';
import { json, problem, scripted } from './testing/scripted-fetch.js';

interface Stores {
  readonly items: { readonly key: string; readonly value: unknown };
  readonly [name: string]: { readonly key: unknown; readonly value: unknown };
}

const itemsOf = (fetch: typeof globalThis.fetch) =>
  new StreamsClient<Stores>({ urls: ['http://a'], fetch }).store('items');

const found = (value: unknown): Response =>
  json(
    { items: [{ key: '.', value }], missing: [] },
    {
      headers: {
        'streams-position': 'items:0:7',
        'streams-role': 'standby',
        'streams-lag': '2',
        'streams-staleness': '30',
        'streams-instance': 'b',
      },
    },
  );

describe('a look-up of values that are too large for one answer', () => {
  it('is asked in parts', async () => {
    const items = (...keys: string[]): Response =>
      json({ items: keys.map((key) => ({ key, value: `value of ${key}` })), missing: ['c'] });
    const { fetch, asked } = scripted(problem('answer-too-large', 413), items('a', 'b'), items());
    const values = await itemsOf(fetch).lookup(['a', 'b', 'c']);
    expect([...values]).toEqual([
      ['a', 'value of a'],
      ['b', 'value of b'],
    ]);
    expect(asked).toHaveLength(3);
  });

  it('fails where one value alone is', async () => {
    const { fetch } = scripted(problem('answer-too-large', 413));
    await expect(itemsOf(fetch).lookup(['a'])).rejects.toMatchObject({ problem: 'answer-too-large' });
  });
});

describe('a key that URLs have no form for', () => {
  it.each(['.', '..'])('is looked up, so that %j reads the same as other keys', async (key) => {
    const { fetch, asked } = scripted(found({ n: 1 }), json({ contentType: 'application/json' }));
    expect(await itemsOf(fetch).getEntry(key, { staleness: '5s', position: 'items:0:5' })).toEqual({
      value: { n: 1 },
      etag: undefined,
      position: 'items:0:7',
      role: 'standby',
      lag: 2,
      stalenessMs: 30,
      instance: 'b',
    });
    expect(asked[0][0]).toBe('http://a/stores/items/lookup?staleness=5s');
    expect(asked[0][1].get('streams-min-position')).toBe('items:0:5');
  });

  it('is undefined where the store does not have it', async () => {
    const { fetch } = scripted(json({ items: [], missing: ['.'] }));
    expect(await itemsOf(fetch).get('.')).toBeUndefined();
  });

  it('reads text where values are text, and refuses what a lookup shows in another form', async () => {
    const read = (value: unknown, contentType: string): Promise<unknown> =>
      itemsOf(scripted(found(value), json({ contentType })).fetch).get('.');
    expect(await read('AQI=', 'text/plain; charset=utf-8')).toBe('AQI=');
    await expect(read('AQI=', 'application/octet-stream')).rejects.toThrow(TypeError);
    await expect(read({ n: 1 }, 'text/csv')).rejects.toThrow(/Read it with lookup\(\)/);
  });

  it('needs nothing but the lookup where only some fields are wanted, since these are always JSON', async () => {
    const { fetch, asked } = scripted(found({ n: 1 }));
    expect(await itemsOf(fetch).get('.', { fields: ['n'] })).toEqual({ n: 1 });
    expect(asked).toHaveLength(1);
  });

  it.each(['.', '..'])('has no feed of its own: %j is refused, with the way out', (key) => {
    const items = itemsOf(scripted(new Response('')).fetch);
    expect(() => items.changes({ key })).toThrow(TypeError);
    expect(() => items.changes({ key })).toThrow(`changes({ prefix: '${key}' })`);
    expect(() => items.changes({ key: '...' })).not.toThrow();
  });
});

describe('entries of which some may be missing', () => {
  const unreachable = [{ partition: 2, reason: 'restoring' }];
  const page = { items: [{ key: 'a', value: 1 }], unreachable };
  const lines = `{"key":"a","value":1}\n${JSON.stringify({ end: true, unreachable })}\n`;
  const answers = { entries: () => json(page), stream: () => new Response(lines) };

  it.each(['entries', 'stream'] as const)('have their gaps reported by %s', async (method) => {
    const { fetch } = scripted(answers[method]());
    const gaps: unknown[] = [];
    const keys: unknown[] = [];
    const options = { allowsPartial: true, onUnreachable: (partitions: unknown) => void gaps.push(partitions) };
    for await (const { key } of itemsOf(fetch)[method](options)) keys.push(key);
    expect([keys, gaps]).toEqual([['a'], [unreachable]]);
  });

  it.each(['entries', 'stream'] as const)('are refused by %s where nothing would report the gaps', async (method) => {
    const { fetch } = scripted(answers[method]());
    await expect(itemsOf(fetch)[method]({ allowsPartial: true }).next()).rejects.toThrow(/onUnreachable/);
  });

  it('have their gaps reported by a count, which is refused where nothing would report them', async () => {
    const { fetch } = scripted(json({ count: 7, unreachable }));
    const items = itemsOf(fetch);
    await expect(items.count({ allowsPartial: true })).rejects.toThrow(/onUnreachable/);
    const gaps: unknown[] = [];
    const onUnreachable = (partitions: unknown): void => void gaps.push(partitions);
    expect([await items.count({ allowsPartial: true, onUnreachable }), gaps]).toEqual([7, [unreachable]]);
  });
});
