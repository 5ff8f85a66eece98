import type { INestApplication } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { openInBrowser, TestedPage, whyNoBrowser } from './support/browser/browser.js';
import { QueryCluster, type Item } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

const ENTRIES = Array.from({ length: 1500 }, (_, n): [string, Item] => [`k${String(n).padStart(5, '0')}`, { n }]);

/** What the page has to have seen, whatever its origin. */
const EXPECTED = {
  isSame: true,
  missing: true,
  awaited: { n: 1000 },
  found: [1500, { n: 1499 }],
  page: { items: [10, 11, 12].map((n) => ({ key: `k000${n}`, value: { n } })), next: expect.any(String) },
  streamed: [1500, 'k00000', 'k01499'],
  count: 100,
  refused: 'invalid-parameter',
  changes: ['snapshot-begin', 'snapshot-end', 'put'],
  entries: 1500,
  changed: { type: 'put', key: 'k00001', value: { n: 1000 }, id: expect.any(String) },
  resumed: [{ type: 'put', key: 'k00001', value: { n: 1000 } }],
  eventSource: true,
};
const ENTRY = {
  value: { n: 1 },
  etag: expect.any(String),
  position: expect.stringMatching(/^items:\d:\d+$/),
  role: 'active',
  lag: 0,
  stalenessMs: expect.any(Number),
  instance: 'a',
};

/** A list of headers in the example of the guide, which is what is tested. */
function listInGuide(name: string): string[] {
  const guide = readFileSync(new URL('../../docs/guide/queries.md', import.meta.url), 'utf8');
  const list = new RegExp(`${name}: \\[([^\\]]+)\\]`).exec(guide)?.[1] ?? '';
  return list.split(',').flatMap((header) => header.match(/[\w-]+/)?.[0] ?? []);
}

describe.each(['fastify', 'express'] as const)('the typed client in a browser, with the stores on %s', (adapter) => {
  const apps = new StreamsApps();
  beforeEach(({ skip }) => skip(whyNoBrowser !== undefined, whyNoBrowser));

  async function cluster(prepare: (nest: INestApplication, page: TestedPage) => void): Promise<[TestedPage, string]> {
    const cluster = await QueryCluster.open(apps);
    const page = new TestedPage((written) => cluster.put([written as [string, Item]]));
    const [a] = await cluster.startAll({ instanceId: 'a', adapter, prepare: (nest) => prepare(nest, page) });
    await cluster.put(ENTRIES);
    await cluster.processed();
    return [page, a.url];
  }

  /** Serves the page at an origin of its own, from which it asks the instance. */
  async function reportFromElsewhere(cors: object): Promise<Record<string, unknown>> {
    const [page, url] = await cluster((nest) => nest.enableCors(cors));
    const server = createServer(page.handle).listen(0, '127.0.0.1');
    apps.onRelease(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, 'listening');
    page.urls = [url];
    openInBrowser(apps, `http://127.0.0.1:${(server.address() as AddressInfo).port}/test/page`);
    return page.report;
  }

  it('reads, streams and follows a store of the origin that served it', async () => {
    const [page, url] = await cluster((nest, { handle }) => nest.use(handle));
    openInBrowser(apps, `${url}/test/page`);
    expect(await page.report).toMatchObject({ ...EXPECTED, entry: ENTRY });
  });

  it('does the same from another origin, with the headers that the guide names', async () => {
    const headers = { exposedHeaders: listInGuide('exposedHeaders'), allowedHeaders: listInGuide('allowedHeaders') };
    expect(await reportFromElsewhere(headers)).toMatchObject({ ...EXPECTED, entry: ENTRY });
  });

  it('knows from another origin neither age nor position where no headers are exposed, but reads', async () => {
    const report = await reportFromElsewhere({ allowedHeaders: listInGuide('allowedHeaders') });
    // Without an ETag the value comes a second time.
    expect(report).toMatchObject({ ...EXPECTED, isSame: false });
    expect(report['entry']).toEqual({ value: { n: 1 } });
  });

  it('is kept by the browser from reading at another origin that does not allow it', async () => {
    const report = await reportFromElsewhere({ origin: 'http://allowed.example' });
    expect(report).toEqual({ error: expect.stringContaining('Failed to fetch') });
  });
});
