import kafkajs from 'kafkajs';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../time/system-clock.js';
import { KafkaJsConnection } from '../kafkajs/kafkajs-connection.js';
import { guardIdleTimer, kafkaJsBrokers } from '../kafkajs/kafkajs-internals.js';
import { metadataCodec } from '../protocol/cluster-codecs.js';
import { ProtocolWriter } from '../protocol/protocol-writer.js';
import { TcpConnection } from '../tcp/tcp-connection.js';
import type { NodeAddress, NodeConnection } from './node-connection.js';

const API_VERSIONS = 18;
const clock = new SystemClock();

type Answer = (socket: Socket, frame: Buffer) => void;

/** Speaks just enough of the protocol: versions, and metadata as the test has it. */
class FakeBroker {
  answers: Answer[] = [];
  connections = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.connections++;
      this.sockets.add(socket);
      socket.on('error', () => {});
      let rest = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        rest = Buffer.concat([rest, chunk]);
        while (rest.length >= 4 && rest.length >= rest.readInt32BE(0) + 4) {
          const end = rest.readInt32BE(0) + 4;
          this.answer(socket, rest.subarray(0, end));
          rest = rest.subarray(end);
        }
      });
    });
  }

  static async start(): Promise<FakeBroker> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeBroker(server);
  }

  get address(): NodeAddress {
    const { port } = this.server.address() as { port: number };
    return { host: '127.0.0.1', port };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private answer(socket: Socket, request: Buffer): void {
    const isVersions = request.readInt16BE(4) === API_VERSIONS;
    const body = new ProtocolWriter().int32(request.readInt32BE(8));
    if (isVersions)
      body
        .int16(0)
        .array([API_VERSIONS], (w, key) => w.int16(key).int16(0).int16(2))
        .int32(0);
    else
      body
        .int32(0)
        .array([], () => undefined)
        .string(null)
        .int32(7)
        .array([], () => undefined);
    const frame = Buffer.concat([new ProtocolWriter().int32(body.buffer.length).buffer, body.buffer]);
    const answer = isVersions ? undefined : this.answers.shift();
    if (answer === undefined) socket.write(frame);
    else answer(socket, frame);
  }
}

const kinds: Record<string, (address: NodeAddress) => NodeConnection> = {
  kafkajs: (address) => {
    guardIdleTimer();
    const kafka = new kafkajs.Kafka({
      brokers: [`${address.host}:${address.port}`],
      logLevel: kafkajs.logLevel.NOTHING,
    });
    return new KafkaJsConnection(kafkaJsBrokers(kafka), address, clock);
  },
  tcp: (address) => new TcpConnection(address, 'test', clock),
};

describe.each(Object.entries(kinds))('a connection by %s', (_, open) => {
  const releases: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });
  const start = async (): Promise<{ broker: FakeBroker; connection: NodeConnection; ask: () => Promise<unknown> }> => {
    const broker = await FakeBroker.start();
    const connection = open(broker.address);
    releases.push(
      () => broker.close(),
      () => connection.close('the test is over'),
    );
    return { broker, connection, ask: () => connection.request(metadataCodec, { topics: [] }, 3000) };
  };
  const lost = { kind: 'retriable', code: 'LOG_CONNECTION' };

  for (const bytes of [2, 9, 20]) {
    it(`finds its answers again after a broker died ${bytes} bytes into one`, async () => {
      const { broker, ask } = await start();
      broker.answers.push((socket, frame) => socket.end(frame.subarray(0, bytes)));
      await expect(ask()).rejects.toMatchObject(lost);
      expect(await ask()).toMatchObject({ controller: 7 });
    });
  }

  it('rejects everything that waits when the peer resets it, and connects anew for the next request', async () => {
    const { broker, ask } = await start();
    await ask();
    broker.answers.push(
      () => {},
      (socket) => socket.resetAndDestroy(),
    );
    await Promise.all([ask(), ask()].map((each) => expect(each).rejects.toMatchObject(lost)));
    expect(await ask()).toMatchObject({ controller: 7 });
    expect(broker.connections).toBe(2);
  });

  it('gives a connection up whose answer is late, with everything that waits on it', async () => {
    const { broker, connection, ask } = await start();
    broker.answers.push(
      () => {},
      () => {},
    );
    const patient = ask();
    const hasty = connection.request(metadataCodec, { topics: [] }, 50);
    const late = { ...lost, message: expect.stringContaining('within 50 ms') as string };
    await Promise.all([hasty, patient].map((each) => expect(each).rejects.toMatchObject(late)));
    expect(await ask()).toMatchObject({ controller: 7 });
  });

  it('rejects when nobody listens, and answers once somebody does', async () => {
    const { broker, connection } = await start();
    const nobody = open({ host: '127.0.0.1', port: 1 });
    releases.push(() => nobody.close('the test is over'));
    await expect(nobody.request(metadataCodec, { topics: [] }, 3000)).rejects.toMatchObject(lost);
    expect(broker.connections).toBe(0);
    expect(await connection.request(metadataCodec, { topics: [] }, 3000)).toMatchObject({ controller: 7 });
  });

  it('rejects what waits when it is closed', async () => {
    const { broker, connection, ask } = await start();
    await ask();
    broker.answers.push(() => {});
    const waiting = ask();
    connection.close('the wire was closed');
    await expect(waiting).rejects.toMatchObject({
      ...lost,
      message: expect.stringContaining('wire was closed') as string,
    });
  });
});
