import { connect, type Socket } from 'node:net';
import type { LogError } from '../../errors/log-error.js';
import type { CancelTimer, Clock } from '../../time/clock.js';
import { connectionFailure, type NodeAddress, type NodeConnection } from '../cluster/node-connection.js';
import type { ApiCodec } from '../protocol/api-codec.js';
import { decodeResponse, encodeRequest } from '../protocol/api-codecs.js';
import { ProtocolWriter } from '../protocol/protocol-writer.js';

interface Waiting {
  resolve(body: Buffer): void;
  reject(error: Error): void;
  readonly cancelTimer: CancelTimer;
}

const MAX_CORRELATION_ID = 0x7fffffff;

/** One socket to one broker: pipelined requests, answers matched by correlation id. */
export class TcpConnection implements NodeConnection {
  private socket: Socket | undefined;
  private opening: Promise<Socket> | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private chunks: Buffer[] = [];
  private received = 0;
  private wanted = 4;
  private correlationId = 0;

  constructor(
    private readonly address: NodeAddress,
    private readonly clientId: string,
    private readonly clock: Clock,
  ) {}

  async request<Request, Response>(
    codec: ApiCodec<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    const id = (this.correlationId = (this.correlationId + 1) & MAX_CORRELATION_ID);
    const header = new ProtocolWriter(64).int16(codec.key).int16(codec.version).int32(id).string(this.clientId);
    const body = encodeRequest(codec, request).buffer;
    const size = Buffer.allocUnsafe(4);
    size.writeInt32BE(header.buffer.length + body.length, 0);
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const cancelTimer = this.clock.schedule(timeoutMs, () => this.close(`no answer within ${timeoutMs} ms`));
      this.waiting.set(id, { resolve, reject, cancelTimer });
      // A failure to open rejects everything that waits.
      this.open().then(
        (socket) => {
          if (!this.waiting.has(id)) return;
          socket.cork();
          socket.write(size);
          socket.write(header.buffer);
          socket.write(body);
          socket.uncork();
        },
        () => undefined,
      );
    });
    return decodeResponse(codec, answer);
  }

  close(reason: string): void {
    const { socket } = this;
    this.socket = undefined;
    this.opening = undefined;
    this.chunks = [];
    this.received = 0;
    this.wanted = 4;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject, cancelTimer } of waiting) {
      cancelTimer();
      reject(this.failure(reason));
    }
    socket?.destroy();
  }

  private open(): Promise<Socket> {
    this.opening ??= new Promise((resolve, reject) => {
      const socket = connect({ ...this.address, noDelay: true });
      this.socket = socket;
      // A late event of a socket that was replaced must not fail its successor.
      const lost = (reason: string): void => {
        reject(this.failure(reason));
        if (this.socket === socket) this.close(reason);
      };
      socket.once('connect', () => resolve(socket));
      socket.on('data', (chunk) => {
        if (this.socket === socket) this.take(chunk);
      });
      socket.on('error', (error) => lost(error.message));
      socket.on('close', () => lost('connection closed'));
    });
    return this.opening;
  }

  private take(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.received += chunk.length;
    while (this.received >= this.wanted) {
      const bytes = this.chunks.length > 1 ? Buffer.concat(this.chunks, this.received) : this.chunks[0];
      const end = bytes.readInt32BE(0) + 4;
      if (this.received < end) {
        this.chunks = [bytes];
        this.wanted = end;
        return;
      }
      const rest = bytes.subarray(end);
      this.chunks = rest.length > 0 ? [rest] : [];
      this.received = rest.length;
      this.wanted = 4;
      const id = bytes.readInt32BE(4);
      const waiting = this.waiting.get(id);
      if (waiting === undefined) continue;
      this.waiting.delete(id);
      waiting.cancelTimer();
      waiting.resolve(bytes.subarray(8, end));
    }
  }

  private failure(reason: string): LogError {
    return connectionFailure(this.address, reason);
  }
}
