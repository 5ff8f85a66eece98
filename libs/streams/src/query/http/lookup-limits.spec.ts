import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { float64Serde } from '../../serdes/binary-serdes.js';
import { stringSerde } from '../../serdes/text-serdes.js';
import { MAX_LOOKUP_BYTES } from '../streams-query.service.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { listen } from '../testing/listen.js';

const platforms = { express: () => new ExpressAdapter(), fastify: () => new FastifyAdapter() };
const LARGE = 500_000;

describe.each(['express', 'fastify'] as const)('a look-up on %s', (platform) => {
  let app: INestApplication | undefined;
  afterEach(() => app?.close());

  async function storeOfLargeValues(count: number): Promise<{
    readonly reads: () => number;
    lookup(keys: readonly string[]): Promise<Response>;
  }> {
    const runtime = new FakeRuntime([storeDefinition('s', float64Serde, stringSerde)], 4);
    const store = runtime.store('s');
    for (let n = 0; n < count; n++) await store.put(n, 'x'.repeat(LARGE));
    let reads = 0;
    store.beforeRead = () => void reads++;
    const served = await listen(platforms[platform](), runtime);
    app = served.app;
    return {
      reads: () => reads,
      lookup: (keys) =>
        fetch(`${served.url}/stores/s/lookup`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ keys }),
        }),
    };
  }

  it('answers a key that it names often once', async () => {
    const { lookup, reads } = await storeOfLargeValues(1);
    const response = await lookup([
      ...Array.from({ length: 500 }, () => '0'),
      ...Array.from({ length: 500 }, () => '9'),
    ]);
    const { items, missing } = (await response.json()) as { items: unknown[]; missing: unknown[] };
    expect([response.status, items.length, missing, reads()]).toEqual([200, 1, ['9'], 2]);
  });

  it('is refused where the values have too many bytes, and is read no further', async () => {
    const { lookup, reads } = await storeOfLargeValues(150);
    const response = await lookup(Array.from({ length: 150 }, (_, n) => String(n)));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      type: 'urn:nestjs-streams:problem:answer-too-large',
      code: 'STREAMS_QUERY_ANSWER_TOO_LARGE',
      maxBytes: MAX_LOOKUP_BYTES,
    });
    expect(reads() * LARGE).toBeLessThan(3 * MAX_LOOKUP_BYTES);
  });

  it('is refused where one key in several forms would fill the answer', async () => {
    const { lookup, reads } = await storeOfLargeValues(1);
    const response = await lookup(Array.from({ length: 200 }, (_, n) => (n === 0 ? '0' : `0.${'0'.repeat(n)}`)));
    expect([response.status, reads()]).toEqual([413, 1]);
  });

  it('answers one value whatever its size, as a read of its key does', async () => {
    const runtime = new FakeRuntime([storeDefinition('s', stringSerde, stringSerde)], 1);
    await runtime.store('s').put('k', 'x'.repeat(MAX_LOOKUP_BYTES + 1));
    const served = await listen(platforms[platform](), runtime);
    app = served.app;
    const response = await fetch(`${served.url}/stores/s/lookup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ keys: ['k'] }),
    });
    expect(response.status).toBe(200);
  });
});
