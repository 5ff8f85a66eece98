import { ForbiddenException, UseGuards, type INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { STREAMS_RUNTIME } from '../../nest/tokens.js';
import { noMetrics } from '../../observability/streams-metrics.js';
import { stringSerde } from '../../serdes/text-serdes.js';
import { MAX_KEY_BYTES } from '../read-key.js';
import { StreamsQueryService } from '../streams-query.service.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { listen } from '../testing/listen.js';
import { storesController } from './stores-controller.js';

const definitions = [storeDefinition('texts', stringSerde, stringSerde)];
const platforms = { express: () => new ExpressAdapter(), fastify: () => new FastifyAdapter() };

describe.each(['express', 'fastify'] as const)('a stores controller of its own on %s', (platform) => {
  let app: INestApplication | undefined;
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  it('takes guards, under another path and a global prefix, and answers their refusals with problems', async () => {
    const runtime = new FakeRuntime(definitions);
    await runtime.store('texts').put('a/b', 'found');
    const controller = storesController('v1/state');
    const guard = {
      canActivate: (context: { switchToHttp(): { getRequest(): { headers: Record<string, string> } } }) => {
        if (context.switchToHttp().getRequest().headers['x-key'] !== 'k') throw new ForbiddenException('no key');
        return true;
      },
    };
    UseGuards(guard as never)(controller);
    const made = await listen(platforms[platform](), runtime, controller, noMetrics, 'api');
    app = made.app;
    const path = `${made.url}/api/v1/state/texts/entries/a%2Fb`;
    const refused = await fetch(path);
    expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await refused.json()).toEqual({ type: 'about:blank', title: 'Forbidden', status: 403, detail: 'no key' });
    expect(await (await fetch(path, { headers: { 'x-key': 'k' } })).text()).toBe('found');
  });

  it('works in a testing module, with the queries that the module provides', async () => {
    const runtime = new FakeRuntime(definitions);
    for (const key of ['a/b', 'c']) await runtime.store('texts').put(key, key);
    const queries = new StreamsQueryService(runtime, { cursorSecret: () => 'shared' });
    const module = await Test.createTestingModule({
      controllers: [storesController()],
      providers: [
        { provide: STREAMS_RUNTIME, useValue: runtime },
        { provide: StreamsQueryService, useValue: queries },
      ],
    }).compile();
    app = module.createNestApplication(platforms[platform]());
    await app.listen(0, '127.0.0.1');
    const url = `${await app.getUrl()}/stores/texts/entries`;
    expect(await (await fetch(`${url}/a%2Fb`)).text()).toBe('a/b');
    const { next } = await queries.list('texts', { limit: 1 });
    expect(await (await fetch(`${url}?cursor=${next}`)).json()).toEqual({ items: [{ key: 'c', value: 'c' }] });
  });
});

it('answers 414 to a key that is too long, where the server lets it through', async () => {
  const { app, url } = await listen(
    new FastifyAdapter({ http: { maxHeaderSize: 256 * 1024 } }),
    new FakeRuntime(definitions),
  );
  const statuses = [];
  for (const path of ['entries/', 'metadata?key=', 'count?from=', 'entries?prefix='])
    for (const length of [MAX_KEY_BYTES, MAX_KEY_BYTES + 1])
      statuses.push((await fetch(`${url}/stores/texts/${path}${'k'.repeat(length)}`)).status);
  await app.close();
  expect(statuses).toEqual([404, 414, 200, 414, 200, 414, 200, 414]);
});
