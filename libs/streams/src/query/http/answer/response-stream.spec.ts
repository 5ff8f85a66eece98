import { createServer, get, type IncomingMessage } from 'node:http';
import { EventEmitter, once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { QueryResponse } from './http-answer.js';
import { ResponseStream } from './response-stream.js';

describe('a body that is written bit by bit', () => {
  const releases: (() => unknown)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0)) await release();
  });

  const served = async (
    write: (stream: ResponseStream) => Promise<void>,
    stalledMs = 200,
    middleware: object = {},
  ): Promise<{ readonly response: IncomingMessage; readonly ended: Promise<unknown> }> => {
    let ended: Promise<unknown> = Promise.resolve();
    const server = createServer((_, response) => {
      Object.assign(response, middleware);
      const stream = ResponseStream.open(response as unknown as QueryResponse, 'text/plain', {}, stalledMs);
      ended = write(stream).then(
        () => 'done',
        (error: unknown) => error,
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    releases.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as { port: number };
    const [response] = (await once(
      get(`http://127.0.0.1:${port}`).on('error', () => {}),
      'response',
    )) as [IncomingMessage];
    response.on('error', () => {});
    return { response, ended };
  };

  it('is not produced faster than it is read, and is given up when nobody reads', async () => {
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    let closed: AbortSignal | undefined;
    const { response, ended } = await served(async (stream) => {
      ({ closed } = stream);
      for (;;) {
        await stream.write(chunk);
        written += chunk.length;
      }
    });
    response.pause();
    expect(await ended).toBeInstanceOf(Error);
    expect(closed?.aborted).toBe(true);
    // What the sockets of both sides hold.
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });

  it('waits for nobody for long once it has to hurry', async () => {
    const { response, ended } = await served(async (stream) => {
      const writing = (async () => {
        for (;;) await stream.write('x'.repeat(64 * 1024));
      })();
      // The reader takes nothing: by then the writer waits for it.
      setTimeout(() => stream.hurry(), 200);
      await writing;
    }, 3_600_000);
    response.pause();
    expect(await ended).toBeInstanceOf(Error);
  });

  it('is given up at its end, too, when nobody takes the rest of it', async () => {
    const never = Object.assign(new EventEmitter(), {
      req: {},
      socket: {} as object | null,
      destroyed: false,
      writableFinished: false,
      setHeader() {},
      writeHead: () => never,
      flushHeaders() {},
      end() {},
      destroy: () => never.emit('destroyed'),
    });
    const given = once(never, 'destroyed');
    ResponseStream.open(never as unknown as QueryResponse, 'text/plain', {}, 20).end();
    await given;
  });

  it('has its time from when it is its turn among the responses of its connection', async () => {
    const waiting = Object.assign(new EventEmitter(), {
      req: {},
      socket: null as object | null,
      destroyed: false,
      writableFinished: false,
      setHeader() {},
      writeHead: () => waiting,
      flushHeaders() {},
      end() {},
      destroy: () => waiting.emit('destroyed', waiting.socket),
    });
    const given = once(waiting, 'destroyed');
    ResponseStream.open(waiting as unknown as QueryResponse, 'text/plain', {}, 1).end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    waiting.socket = {};
    waiting.emit('socket');
    expect(await given).toEqual([waiting.socket]);
  });

  it('is passed on by middleware that collects it, bit by bit', async () => {
    let flushed = 0;
    const { ended } = await served(
      async (stream) => {
        await stream.write('a');
        expect(flushed).toBe(1);
        await stream.write('b');
        stream.end();
      },
      200,
      { flush: () => flushed++ },
    );
    expect(await ended).toBe('done');
    expect(flushed).toBe(2);
  });

  it('ends its production when the reader goes away', async () => {
    const { response, ended } = await served(async (stream) => {
      for (;;) await stream.write('x'.repeat(1000));
    });
    response.once('data', () => response.destroy());
    expect(await ended).toBeInstanceOf(Error);
  });
});
