import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { StreamsQueryService } from '../streams-query.service.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { listen } from '../testing/listen.js';
import { storesController } from './stores-controller.js';

describe('pages, counts and look-ups that take long', () => {
  let app: INestApplication;
  afterEach(async () => {
    vi.restoreAllMocks();
    await app.close();
  });

  it.each([
    ['wait for partitions', { prefer: 'wait=60' }],
    ['do not wait', {}],
  ])('leave places for single keys, and those of one client for others, where they %s', async (_, headers) => {
    const runtime = new FakeRuntime([storeDefinition('items', stringSerde, json<number>())], 1);
    await runtime.store('items').put('a', 1);
    const controller = storesController('stores', {
      maxConcurrent: 4,
      maxScans: 2,
      maxWaiting: 4,
      clientOf: (request) => String(request.headers['x-client']),
    });
    const served = await listen(new ExpressAdapter(), runtime, controller);
    app = served.app;
    let began = 0;
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    vi.spyOn(StreamsQueryService.prototype, 'page').mockImplementation(async () => {
      began++;
      await ended;
      return { entries: [], freshness: [], unreachable: [] };
    });
    const ask = async (client: string, path: string): Promise<number> =>
      (await fetch(`${served.url}/stores/items/${path}`, { headers: { ...headers, 'x-client': client } })).status;
    const pages = Array.from({ length: 6 }, () => ask('greedy', 'entries'));
    await vi.waitFor(() => expect(began).toBe(1));
    expect(await Promise.all([ask('greedy', 'entries/a'), ask('modest', 'count')])).toEqual([200, 200]);
    expect(began).toBe(1);
    end();
    const statuses = await Promise.all(pages);
    expect(statuses.filter((status) => status === 200)).toHaveLength('prefer' in headers ? 1 : 6);
  });
});
