// Asks for random keys over connections that are kept open, as fast as answers come or at a given rate, and prints what it measured. At a rate it goes
// before the servers where cores are few, if it may: how late it is itself is no latency of theirs.
import { connect, type Socket } from 'node:net';
import { setPriority } from 'node:os';
import { keyAt } from './entries.js';

interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second of all connections; 0: as fast as answers come. */
  readonly rate: number;
  /** Only keys whose index leaves one of these rests; empty: all. */
  readonly keys: readonly number[];
  readonly entries: number;
}

const HIGHER_PRIORITY = -10;

const options = JSON.parse(process.argv[2] as string) as LoadOptions;
const { port, connections, seconds, rate, keys, entries } = options;
if (rate > 0) {
  try {
    setPriority(HIGHER_PRIORITY);
  } catch {
    process.stderr.write('The load generator may not raise its priority; its own lateness counts as latency.\n');
  }
}
const latencies: number[] = [];
/** How late the generator itself was: part of every latency that it measures at a rate. */
const late: number[] = [];
let failures = 0;
let random = 12_345;

function nextKey(): string {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
  return keyAt(keys.length > 0 ? keys[random % keys.length] : random % entries);
}

/** One request at a time. */
class Connection {
  private readonly socket: Socket;
  private received = '';
  private sentAt = 0;
  private done: (() => void) | undefined;

  constructor() {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => this.take(text));
    this.socket.on('error', () => failures++);
  }

  ask(from = performance.now()): Promise<void> {
    this.sentAt = from;
    this.socket.write(`GET /stores/balances/entries/${nextKey()} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    return new Promise((resolve) => {
      this.done = resolve;
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private take(text: string): void {
    this.received += text;
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(this.received.slice(0, end))?.[1]);
    if (this.received.length < end + 4 + length) return;
    if (!this.received.startsWith('HTTP/1.1 200')) failures++;
    this.received = '';
    latencies.push(performance.now() - this.sentAt);
    this.done?.();
  }
}

/** Opened, and asked once each, before anything is measured. */
const open = Array.from({ length: connections }, () => new Connection());
await Promise.all(open.map((connection) => connection.ask()));
latencies.length = 0;
const startedAt = performance.now();
const until = startedAt + seconds * 1000;
await Promise.all(
  open.map(async (connection, index) => {
    const everyMs = rate === 0 ? 0 : (connections / rate) * 1000;
    // Measured from when a request was due, so that a stall counts for all that it delayed.
    for (let due = startedAt + (everyMs * index) / connections; performance.now() < until; due += everyMs) {
      const waitMs = due - performance.now();
      if (rate > 0 && waitMs > 0) {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        late.push(performance.now() - due);
      }
      await connection.ask(rate === 0 ? undefined : Math.min(performance.now(), Math.max(due, startedAt)));
    }
    connection.close();
  }),
);
const elapsed = (performance.now() - startedAt) / 1000;
const at = (values: number[], share: number): number =>
  values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
process.stdout.write(
  `${JSON.stringify({
    perSecond: latencies.length / elapsed,
    mean: latencies.reduce((sum, each) => sum + each, 0) / latencies.length,
    p50: at(latencies, 0.5),
    p99: at(latencies, 0.99),
    late: at(late, 0.99),
    failures,
  })}\n`,
);
