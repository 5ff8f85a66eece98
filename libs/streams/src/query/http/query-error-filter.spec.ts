import { Controller, Get, UseFilters, type INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { QueryError } from '../problem/query-error.js';
import { FakeRuntime } from '../testing/fake-runtime.js';
import { listen } from '../testing/listen.js';
import { QueryErrorFilter } from './answer/problem-filter.js';

@Controller('own')
class OwnController {
  @Get('plain')
  plain(): never {
    throw new QueryError('restoring', 'It restores.', { members: { store: 's' }, retryAfterS: 7 });
  }

  @Get('filtered')
  @UseFilters(QueryErrorFilter)
  filtered(): never {
    return this.plain();
  }

  @Get('other')
  @UseFilters(QueryErrorFilter)
  other(): never {
    throw new Error('secret');
  }
}

const platforms = { express: () => new ExpressAdapter(), fastify: () => new FastifyAdapter() };

describe.each(['express', 'fastify'] as const)('a query error in a controller of the user, on %s', (platform) => {
  let app: INestApplication | undefined;
  afterEach(() => app?.close());

  it('is no 500, and a problem document with the filter', async () => {
    const served = await listen(platforms[platform](), new FakeRuntime([]), OwnController);
    app = served.app;
    const get = (path: string): Promise<Response> => fetch(`${served.url}/own/${path}`);
    const plain = await get('plain');
    expect([plain.status, await plain.json()]).toEqual([503, { statusCode: 503, message: 'It restores.' }]);
    const filtered = await get('filtered');
    expect(filtered.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(filtered.headers.get('retry-after')).toBe('7');
    expect(await filtered.json()).toMatchObject({
      type: 'urn:nestjs-streams:problem:restoring',
      status: 503,
      store: 's',
      code: 'STREAMS_QUERY_RESTORING',
    });
    expect((await get('other')).status).toBe(500);
  });
});
