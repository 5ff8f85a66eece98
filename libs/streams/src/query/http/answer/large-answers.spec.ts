import { EventEmitter, once } from 'node:events';
import { createServer, get, ServerResponse, type ClientRequest, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { LargeAnswers } from './large-answers.js';
import type { QueryResponse } from './http-answer.js';

const MIB = 1024 * 1024;
/** More than the buffers of both ends of a connection take. */
const LARGE = 32 * MIB;

describe('a large answer', () => {
  let server: Server;
  const requests: ClientRequest[] = [];
  afterEach(async () => {
    for (const request of requests.splice(0)) request.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  });

  /** Answers `/<bytes>/<client>`. @returns what asks and leaves the body unread */
  async function serve(answers: LargeAnswers): Promise<(bytes: number, client?: string) => Promise<IncomingMessage>> {
    server = createServer((request, response) => {
      const [, bytes, client = 'client'] = request.url!.split('/');
      const body = Buffer.alloc(Number(bytes));
      const platform = { status: () => {}, header: () => {}, raw: response, send: () => response.end(body) };
      try {
        answers.send(platform as unknown as QueryResponse, { status: 200, contentType: 'text/plain', body }, client);
      } catch {
        response.writeHead(429).end();
      }
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    return async (bytes, client = 'client') => {
      const request = get(`http://127.0.0.1:${port}/${bytes}/${client}`, { agent: false });
      requests.push(request);
      request.on('error', () => {});
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.on('error', () => {});
      return response;
    };
  }

  it('is refused while others wait for their readers, and small ones are not', async () => {
    const ask = await serve(new LargeAnswers(4 * LARGE));
    const unread = [await ask(LARGE), await ask(LARGE)];
    expect((await ask(LARGE)).statusCode).toBe(429);
    expect((await ask(1024)).statusCode).toBe(200);
    unread[0].destroy();
    await vi.waitFor(async () => expect((await ask(LARGE)).statusCode).toBe(200));
    expect((await ask(LARGE)).statusCode).toBe(429);
    unread[1].resume();
    await once(unread[1], 'end');
    await vi.waitFor(async () => expect((await ask(LARGE)).statusCode).toBe(200));
  });

  it('leaves room for those of other clients', async () => {
    const ask = await serve(new LargeAnswers(2 * LARGE));
    await ask(LARGE, 'greedy');
    expect((await ask(LARGE, 'greedy')).statusCode).toBe(429);
    expect((await ask(LARGE, 'modest')).statusCode).toBe(200);
    expect((await ask(LARGE, 'other')).statusCode).toBe(429);
  });

  it('may be made of many small ones on one connection, whose reader takes none', async () => {
    const small = 60_000;
    const ask = await serve(new LargeAnswers(8 * MIB));
    const { port } = server.address() as AddressInfo;
    let [taken, refused] = [0, 0];
    server.on('request', (_, response: ServerResponse) => {
      if (response.statusCode === 200) taken += small;
      else refused++;
    });
    const socket = connect(port, '127.0.0.1').pause();
    socket.write(`GET /${small} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(500));
    await vi.waitFor(() => expect(refused).toBeGreaterThan(0), { timeout: 10_000 });
    // The first one is in the buffers of the connection.
    expect(taken).toBeLessThanOrEqual(4 * MIB + small);
    socket.destroy();
    await vi.waitFor(async () => expect((await ask(4 * MIB)).statusCode).toBe(200), { timeout: 10_000 });
  });

  it('is given up where its reader takes nothing', async () => {
    const ask = await serve(new LargeAnswers(LARGE, 300));
    const unread = await ask(LARGE);
    await vi.waitFor(async () => expect((await ask(LARGE)).statusCode).toBe(200));
    unread.resume();
    await expect(once(unread, 'end')).rejects.toThrow('aborted');
  });

  it('is given up where its reader takes the one before it on the connection, and nothing more', async () => {
    await serve(new LargeAnswers(8 * LARGE, 300));
    const connected = once(server, 'connection');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
    socket.write(`GET /${LARGE} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(2));
    let taken = 0;
    socket.on('data', (chunk) => {
      if ((taken += chunk.length) > LARGE + MIB) socket.pause();
    });
    const [served] = (await connected) as [Socket];
    await once(served, 'close');
    expect(taken).toBeLessThan(2 * LARGE);
    socket.destroy();
  });

  it('leaves the time-out of its connection as it was', async () => {
    const ask = await serve(new LargeAnswers(LARGE, 300));
    server.keepAliveTimeout = 0;
    const connected = once(server, 'connection');
    const response = await ask(LARGE);
    const [socket] = (await connected) as [Socket];
    expect(socket.timeout).toBe(300);
    response.resume();
    await once(response, 'end');
    await vi.waitFor(() => expect(socket.timeout ?? 0).toBe(0));
  });
});

it('a large answer to an injected request, which has no connection, is sent', async () => {
  const request = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1, headers: {}, socket: new EventEmitter() };
  const response = new ServerResponse(request as unknown as IncomingMessage);
  response.assignSocket(new Writable({ write: (_chunk, _encoding, done) => done() }) as Socket);
  const body = Buffer.alloc(MIB);
  const platform = { status: () => {}, header: () => {}, raw: response, send: () => response.end(body) };
  const sent = once(response, 'finish');
  const answer = { status: 200, contentType: 'text/plain', body };
  new LargeAnswers().send(platform as unknown as QueryResponse, answer, 'client');
  await sent;
});
