import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isGone, onConnectionClose } from './connection.js';

describe('the connection below a response', () => {
  const server = createServer();
  afterEach(() => {
    server.close();
    server.closeAllConnections();
  });

  it('tells every response that waits on it, but not who no longer wants to know, when it closes', async () => {
    const responses: ServerResponse[] = [];
    server.on('request', (_, response) => responses.push(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
    await vi.waitFor(() => expect(responses).toHaveLength(3));
    const told: number[] = [];
    const unwatch = responses.map((response, index) => onConnectionClose(response, () => told.push(index)));
    unwatch[1]();
    expect(responses.map(isGone)).toEqual([false, false, false]);
    socket.destroy();
    await vi.waitFor(() => expect(told).toEqual([0, 2]));
    // Node 20 itself tells the first alone.
    expect(responses.map(isGone)).toEqual([true, true, true]);
  });
});
