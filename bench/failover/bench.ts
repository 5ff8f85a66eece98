import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import type { Log } from '../../libs/streams/src/log/log.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { benchBroker, type BenchBroker } from '../harness/broker.js';
import { loadTopic } from '../harness/load-topic.js';
import { figure, type Bench, type BenchResult, type Figure, type Progress } from '../harness/report.js';
import { Outputs } from './outputs.js';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 10);
const PARTITIONS = 4;
const SESSION_MS = 6000;
/** The default of `group.heartbeatInterval`. */
const HEARTBEAT_MS = 1000;
const EVERY_MS = 10;
const INPUT = 'failover-in';
const OUTPUT = 'failover-out';
const CHANGELOG = 'failover-counts-changelog';
const ENTRIES = 1_000_000;
const NAMES = ['a', 'b'] as const;

type Name = (typeof NAMES)[number];
type End = 'SIGTERM' | 'SIGKILL';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Two instances with a standby each, and one of them that ends. */
class Pair {
  private readonly processes = new Map<Name, ChildProcess>();
  /** By all restores since this was last set to 0. */
  restoredRecords = 0;

  constructor(
    private readonly brokers: string,
    private readonly folder: string,
  ) {}

  start(name: Name): void {
    const program = fileURLToPath(new URL('./app.js', import.meta.url));
    const args = [program, this.brokers, INPUT, OUTPUT, 'failover', join(this.folder, name), name, String(SESSION_MS)];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    child.on('message', (restored: number) => {
      this.restoredRecords += restored;
    });
    this.processes.set(name, child);
  }

  async end(name: Name, signal: End): Promise<void> {
    const child = this.processes.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async close(): Promise<void> {
    for (const name of NAMES) await this.end(name, 'SIGKILL');
  }
}

/** One record for each partition every 10 ms. */
async function produce(log: Log, signal: AbortSignal): Promise<void> {
  const producer = log.openProducer({ role: 'bench' });
  for (let n = 0; !signal.aborted; n++) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const key = `${partition}-${n % 1000}`;
      producer.append(INPUT, partition, Buffer.from(key), Buffer.from(JSON.stringify({ key })), Date.now());
    }
    await Promise.all([producer.flush(), pause(EVERY_MS)]);
  }
  await producer.close();
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited two minutes for ${what}.`);
    await pause(20);
  }
}

async function measure(broker: BenchBroker, progress: Progress): Promise<Map<string, number[]>> {
  await broker.createTopic(INPUT, PARTITIONS);
  await broker.createTopic(OUTPUT, PARTITIONS);
  progress(`A store of ${ENTRIES} entries`);
  const config = { 'cleanup.policy': 'compact', 'retention.ms': '-1', 'retention.bytes': '-1' };
  await loadTopic(
    broker.brokers,
    { topic: CHANGELOG, partitions: PARTITIONS, records: ENTRIES, config, progress },
    (index) => {
      const partition = index % PARTITIONS;
      return { key: `${partition}-${Math.floor(index / PARTITIONS)}`, value: '1', partition };
    },
  );
  const folder = await mkdtemp(join(tmpdir(), 'streams-bench-'));
  const log = createKafkaLog({ brokers: broker.brokers.split(',') }, { clock: new SystemClock() });
  await log.connect();
  const outputs = new Outputs(log, OUTPUT, PARTITIONS);
  const stop = new AbortController();
  const producing = produce(log, stop.signal);
  const pair = new Pair(broker.brokers, folder);
  const gaps = new Map<string, number[]>();
  const add = (name: string, value: number): void => void gaps.set(name, [...(gaps.get(name) ?? []), value]);
  const balanced = (): boolean =>
    NAMES.every((name) => outputs.owners(500).filter((owner) => owner === name).length === PARTITIONS / 2);
  try {
    for (const name of NAMES) pair.start(name);
    await until(balanced, 'both instances to have half of the partitions');
    progress(`${pair.restoredRecords} records restored at the start`);
    if (pair.restoredRecords < ENTRIES / NAMES.length) throw new Error('The store is not what the bench is about.');
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (let round = 1; round <= ROUNDS; round++) {
        await until(balanced, 'both instances to have half of the partitions');
        // Standbys follow, caches are warm. At another time between two heartbeats each round, since how long those who stay take to notice hangs on that.
        await pause(2000 + (HEARTBEAT_MS * round) / ROUNDS);
        const leaver = NAMES[round % 2]!;
        const owners = outputs.owners(500);
        pair.restoredRecords = 0;
        const from = performance.now();
        await pair.end(leaver, signal);
        await until(
          () => outputs.owners(300).every((owner) => owner !== undefined && owner !== leaver),
          'the take-over',
        );
        await pause(500);
        owners.forEach((owner, partition) => {
          const kind = signal === 'SIGTERM' ? 'stop' : 'kill';
          add(`${kind} ${owner === leaver ? 'moved' : 'stayed'}`, outputs.longestGap(partition, from));
        });
        add('restored', pair.restoredRecords);
        progress(
          `round ${round}: ${signal} ${owners.map((owner, partition) => `${owner === leaver ? 'moved' : 'stayed'} ${Math.round(outputs.longestGap(partition, from))} ms`).join(', ')}, ${pair.restoredRecords} records restored`,
        );
        pair.start(leaver);
      }
    }
  } finally {
    stop.abort();
    await producing;
    await pair.close();
    await outputs.close();
    await log.close();
    await rm(folder, { recursive: true, force: true });
  }
  return gaps;
}

function p95(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1]!;
}

async function run(progress: Progress): Promise<BenchResult> {
  const broker = await benchBroker(progress);
  try {
    const gaps = await measure(broker, progress);
    const figures: Record<string, Figure> = {};
    const restored = gaps.get('restored')!;
    gaps.delete('restored');
    figures['restored at a take-over'] = figure(restored, 'records');
    for (const [name, values] of gaps) {
      figures[`${name} gap`] = figure(values, 'ms');
      figures[`${name} gap p95`] = figure([p95(values)], 'ms');
    }
    const longest = (name: string): number => p95(gaps.get(name)!);
    return {
      figures,
      ratios: {
        'stop moved p95 / 1 s': longest('stop moved') / 1000,
        'kill moved p95 / (session time-out + 2 s)': longest('kill moved') / (SESSION_MS + 2000),
        'stop stayed p95 / 200 ms': longest('stop stayed') / 200,
        'kill stayed p95 / 200 ms': longest('kill stayed') / 200,
        'restored at a take-over / entries that moved': Math.max(...restored) / (ENTRIES / 2),
      },
    };
  } finally {
    await broker.stop();
  }
}

export const failoverBench: Bench = { name: 'failover', run };
