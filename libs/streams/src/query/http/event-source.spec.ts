import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { StreamsClient } from '../../client/streams-client.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import type { ProblemName } from '../problem/problem-types.js';
import { QueryError } from '../problem/query-error.js';
import { StreamsQueryService } from '../streams-query.service.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { listen } from '../testing/listen.js';

const EVENT_STREAM = 'text/event-stream';
const platforms = {
  express: (): ExpressAdapter => new ExpressAdapter(),
  fastify: (): FastifyAdapter => new FastifyAdapter(),
};

describe.each(['express', 'fastify'] as const)('an EventSource, on %s', (platform) => {
  let app: INestApplication | undefined;
  afterEach(async () => {
    vi.restoreAllMocks();
    await app?.close();
  });

  const served = async (runtime: FakeRuntime): Promise<(accept?: string) => Promise<[number, string, string]>> => {
    const { app: started, url } = await listen(platforms[platform](), runtime);
    app = started;
    return async (accept = EVENT_STREAM) => {
      const response = await fetch(`${url}/stores/items/changes`, { headers: { accept, 'last-event-id': '1-0' } });
      return [response.status, response.headers.get('content-type') ?? '', await response.text()];
    };
  };
  const aRuntime = (): FakeRuntime => new FakeRuntime([storeDefinition('items', stringSerde, json<number>())], 1);

  it('is told to ask again by an instance that starts, and other clients get its problem', async () => {
    const runtime = aRuntime();
    runtime.state = 'starting';
    const ask = await served(runtime);
    const [status, type, body] = await ask();
    expect([status, type]).toEqual([200, EVENT_STREAM]);
    const [, retryMs, data] = /^retry: (\d+)\n\nevent: problem\ndata: (.*)\n\n$/.exec(body)!;
    expect(Number(retryMs)).toBeGreaterThanOrEqual(5000);
    expect(JSON.parse(data)).toMatchObject({ status: 503, type: 'urn:nestjs-streams:problem:not-running' });
    expect((await ask('*/*')).slice(0, 2)).toEqual([503, expect.stringContaining('application/problem+json')]);
  });

  it('is not the client of the library, which gets the status, and leaves the instance alone for a time', async () => {
    const runtime = aRuntime();
    runtime.state = 'starting';
    const { app: started, url } = await listen(platforms[platform](), runtime);
    app = started;
    const reader = new AbortController();
    const statuses: number[] = [];
    const asking: typeof fetch = async (...request) => {
      const response = await fetch(...request);
      statuses.push(response.status);
      reader.abort();
      return response;
    };
    const client = new StreamsClient({ urls: [url], fetch: asking });
    for await (const { type } of client.store('items').changes({ signal: reader.signal })) expect.fail(type);
    expect(statuses).toEqual([503]);
  });

  it('is told by an instance that has failed, which never answers otherwise, with the status', async () => {
    const runtime = aRuntime();
    runtime.state = 'failed';
    expect((await (await served(runtime))())[0]).toBe(503);
  });

  it.each([
    ['feed-gone', 200, /^retry: \d+\n\nevent: problem\nid:\ndata: .*"status":410.*\n\n$/],
    ['overloaded', 200, /^retry: \d+\n\nevent: problem\ndata: .*"status":429.*\n\n$/],
    ['incomplete', 200, /^retry: \d+\n\nevent: problem\ndata: .*"status":503.*\n\n$/],
    ['invalid-parameter', 400, /^\{.*"status":400/],
    ['failed', 500, /^\{.*"status":500/],
  ] satisfies [ProblemName, number, RegExp][])('that meets %s gets the status %i', async (name, status, text) => {
    vi.spyOn(StreamsQueryService.prototype, 'changes').mockRejectedValue(new QueryError(name, 'Not now.'));
    const answer = await (await served(aRuntime()))();
    expect([answer[0], answer[2]]).toEqual([status, expect.stringMatching(text)]);
  });
});
