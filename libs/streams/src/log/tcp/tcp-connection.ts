import { connect, type Socket } from 'node:net';
import { LogError } from '../../errors/log-error.js';

interface Waiting {
  resolve(body: Buffer): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

const MAX_CORRELATION_ID = 0x7fffffff;

/** One socket to one broker: pipelined requests, answers matched by correlation id. A time-out destroys the socket; the next request opens another. */
export class TcpConnection {
  private socket: Socket | undefined;
  private opening: Promise<Socket> | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private chunks: Buffer[] = [];
  private received = 0;
  private wanted = 4;
  private correlationId = 0;

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  /** `frame` gets the correlation id and returns the request from its API key on. @returns what follows the response's correlation id. */
  async request(frame: (correlationId: number) => Buffer, timeoutMs: number): Promise<Buffer> {
    const socket = await this.open();
    const id = (this.correlationId = (this.correlationId + 1) & MAX_CORRELATION_ID);
    const body = frame(id);
    const size = Buffer.allocUnsafe(4);
    size.writeInt32BE(body.length, 0);
    return new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => this.fail(`no answer within ${timeoutMs} ms`), timeoutMs);
      this.waiting.set(id, { resolve, reject, timer });
      socket.cork();
      socket.write(size);
      socket.write(body);
      socket.uncork();
    });
  }

  close(): void {
    this.fail('closed');
  }

  private open(): Promise<Socket> {
    this.opening ??= new Promise((resolve, reject) => {
      const socket = connect({ host: this.host, port: this.port, noDelay: true });
      this.socket = socket;
      // A late event of a socket that was replaced must not fail its successor.
      const lost = (reason: string): void => {
        reject(this.error(reason));
        if (this.socket === socket) this.fail(reason);
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
      clearTimeout(waiting.timer);
      waiting.resolve(bytes.subarray(8, end));
    }
  }

  private fail(reason: string): void {
    const { socket } = this;
    this.socket = undefined;
    this.opening = undefined;
    this.chunks = [];
    this.received = 0;
    this.wanted = 4;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject, timer } of waiting) {
      clearTimeout(timer);
      reject(this.error(reason));
    }
    socket?.destroy();
  }

  private error(reason: string): LogError {
    return new LogError(
      'retriable',
      'LOG_CONNECTION',
      `The connection to ${this.host}:${this.port} failed: ${reason}.`,
    );
  }
}
