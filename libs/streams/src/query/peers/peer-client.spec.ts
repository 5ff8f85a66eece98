import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noMetrics } from '../../observability/streams-metrics.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { PeerAuth } from './peer-auth.js';
import { PeerClient } from './peer-client.js';

describe('a call that nobody who holds the secret answers', () => {
  const clock = new ManualClock();
  let date: Date;
  const server = createServer((_request, response) => {
    response.writeHead(401, { date: date.toUTCString() }).end();
  });
  let client: PeerClient;

  beforeEach(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    client = new PeerClient({
      instanceId: 'a',
      timeoutMs: 5000,
      auth: new PeerAuth('secret', clock),
      tls: undefined,
      metrics: noMetrics,
    });
  });

  afterEach(async () => {
    await client.close();
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  });

  it.each([
    [0, 'not as an instance that holds the same "peers.secret".'],
    [-29_000, 'not as an instance that holds the same "peers.secret".'],
    [45_000, 'its clock is 45 s ahead of the one here, where 30 s are allowed.'],
    [-90_000, 'its clock is 90 s behind the one here, where 30 s are allowed.'],
  ])('names the secret, or the clock that is %i ms ahead', async (aheadMs, reason) => {
    date = new Date(clock.now() + aheadMs);
    const { port } = server.address() as AddressInfo;
    const call = client.call(
      'status',
      { instanceId: 'b', url: `http://127.0.0.1:${port}` },
      { head: { op: 'status' }, blobs: [] },
    );
    await expect(call).rejects.toThrow(`The instance "b" answered 401, and ${reason}`);
  });
});
