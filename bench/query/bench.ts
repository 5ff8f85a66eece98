import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import { benchBroker } from '../harness/broker.js';
import { loadTopic } from '../harness/load-topic.js';
import { figure, type Bench, type BenchResult, type Figure, type Progress } from '../harness/report.js';
import { balanceAt, ENTRIES, keyAt } from './entries.js';
import { runProgram, ServerProcess, type LoadResult } from './processes.js';
import { freePort } from '../../test/kafka/broker-process.js';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
/** Some of it, while one looks for something. */
const PARTS = (process.env.BENCH_PARTS ?? 'points,processing,peers').split(',');
const PARTITIONS = 4;
const SCANNED = 100_000;
const QUERIES_PER_SECOND = 1000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Values of each figure over the rounds. */
class Values {
  private readonly all = new Map<string, { unit: string; values: number[] }>();

  add(name: string, value: number, unit: string): number {
    const known = this.all.get(name) ?? { unit, values: [] };
    known.values.push(value);
    this.all.set(name, known);
    return value;
  }

  median(name: string): number {
    return this.figures[name]?.median ?? Number.NaN;
  }

  get figures(): Record<string, Figure> {
    return Object.fromEntries(Array.from(this.all, ([name, { unit, values }]) => [name, figure(values, unit)]));
  }
}

/** @param keys indexes of the keys to ask for; all by default. */
function load(
  { port }: ServerProcess,
  { connections = 32, rate = 0, seconds = SECONDS, keys = [] as readonly number[] },
): Promise<LoadResult> {
  return runProgram<LoadResult>('./load.js', [
    JSON.stringify({ port, connections, rate, seconds, keys, entries: ENTRIES }),
  ]);
}

function note(values: Values, name: string, result: LoadResult): LoadResult {
  if (result.failures > 0) throw new Error(`${name}: ${result.failures} requests failed`);
  values.add(`${name}`, result.perSecond, 'requests/s');
  values.add(`${name} p50`, result.p50, 'ms');
  values.add(`${name} mean`, result.mean, 'ms');
  values.add(`${name} p99`, result.p99, 'ms');
  if (result.late > 0) values.add(`${name}, generator late, p99`, result.late, 'ms');
  return result;
}

/** Against a controller written by hand. */
async function pointReads(values: Values, app: ServerProcess, folder: string, progress: Progress): Promise<void> {
  const controller = ServerProcess.start('./controller.js', [join(folder, 'controller')], await freePort());
  try {
    await controller.ready(() => true);
    for (const server of [controller, app]) await load(server, { seconds: 4 });
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`point reads, round ${round}`);
      note(values, 'controller', await load(controller, {}));
      note(values, 'local', await load(app, {}));
    }
  } finally {
    await controller.stop();
  }
}

/** At the owner, and at the other instance. */
async function forwarded(
  values: Values,
  asked: ServerProcess,
  other: ServerProcess,
  progress: Progress,
): Promise<void> {
  const { tasks } = await asked.state();
  const keys: { own: number[]; elsewhere: number[] } = { own: [], elsewhere: [] };
  for (let i = 0; i < 20_000; i++)
    keys[tasks.includes(partitionForKey(Buffer.from(keyAt(i)), PARTITIONS)) ? 'own' : 'elsewhere'].push(i);
  await load(other, { seconds: 2, keys: keys.elsewhere });
  await load(asked, { seconds: 2, keys: keys.elsewhere });
  for (let round = 1; round <= ROUNDS; round++)
    for (const connections of [1, 32]) {
      progress(`forwarded reads, round ${round}, ${connections} connections`);
      note(values, `owned ${connections}`, await load(asked, { connections, keys: keys.own, seconds: SECONDS / 2 }));
      note(
        values,
        `forwarded ${connections}`,
        await load(asked, { connections, keys: keys.elsewhere, seconds: SECONDS / 2 }),
      );
    }
}

/** `GET /entries` as NDJSON, against an iteration by hand. */
async function scans(values: Values, app: ServerProcess, folder: string, progress: Progress): Promise<void> {
  const url = `http://127.0.0.1:${app.port}/stores/balances/entries?limit=${SCANNED}`;
  for (let round = 0; round <= ROUNDS; round++) {
    progress(`scans, round ${round}`);
    const raw = await runProgram<{ perSecond: number }>('./raw-scan.js', [join(folder, 'raw'), String(SCANNED)]);
    const startedAt = performance.now();
    const response = await fetch(url, { headers: { accept: 'application/x-ndjson' } });
    let lines = 0;
    for await (const chunk of response.body!) for (const byte of chunk) if (byte === 0x0a) lines++;
    const perSecond = SCANNED / ((performance.now() - startedAt) / 1000);
    if (lines !== SCANNED + 1) throw new Error(`The scan has ${lines} lines.`);
    if (round === 0) continue;
    values.add('raw scan', raw.perSecond, 'entries/s');
    values.add('ndjson', perSecond, 'entries/s');
  }
}

/** @param perSecond 0: as fast as the broker takes them. */
async function produce(brokers: string, records: number, perSecond = 0): Promise<void> {
  await runProgram('./produce.js', [
    JSON.stringify({ brokers, topic: 'query-in', partitions: PARTITIONS, records: Math.floor(records), perSecond }),
  ]);
}

/** Queries beside processing: idle, at half of the highest rate, and at the highest. */
async function besideProcessing(
  values: Values,
  app: ServerProcess,
  brokers: string,
  progress: Progress,
): Promise<void> {
  const records = Number(process.env.BENCH_RECORDS ?? 2_000_000);
  const rateOf = async (during: () => Promise<unknown>): Promise<number> => {
    const from = await app.state();
    const startedAt = performance.now();
    await during();
    const { processed } = await app.state();
    return (processed - from.processed) / ((performance.now() - startedAt) / 1000);
  };
  const drained = async (): Promise<void> => {
    for (let last = -1, now = 0; last !== now; now = (await app.state()).processed) {
      last = now;
      await pause(500);
    }
  };
  /** The records wait in the topic, so nothing but processing is measured. */
  const highest = async (
    beside?: () => Promise<LoadResult>,
  ): Promise<{ rate: number; result: LoadResult | undefined }> => {
    await app.pause(true);
    await produce(brokers, records);
    let result: LoadResult | undefined;
    await app.pause(false);
    const rate = await rateOf(async () => {
      const querying = beside?.();
      await pause(SECONDS * 500);
      await querying?.then((answer) => (result = answer));
    });
    await drained();
    return { rate, result };
  };
  await highest();
  for (let round = 1; round <= ROUNDS; round++) {
    progress(`beside processing, round ${round}`);
    const queries = (seconds: number): Promise<LoadResult> => load(app, { rate: QUERIES_PER_SECOND, seconds });
    note(values, 'idle', await queries(SECONDS / 2));
    const { rate } = await highest();
    values.add('processing', rate, 'records/s');
    const busy = await highest(() => queries(SECONDS / 2));
    values.add('processing, asked', busy.rate, 'records/s');
    note(values, 'highest rate', busy.result!);
    const halfRate = async (beside: () => Promise<unknown>): Promise<number> => {
      const before = (await app.state()).processed;
      const sending = produce(brokers, (rate / 2) * (SECONDS / 2), rate / 2);
      while ((await app.state()).processed === before) await pause(10);
      const processed = await rateOf(beside);
      await sending;
      await drained();
      return processed;
    };
    values.add('half rate, processing', await halfRate(() => pause(SECONDS * 500)), 'records/s');
    let asked: LoadResult | undefined;
    const beside = await halfRate(async () => (asked = await queries(SECONDS / 2)));
    values.add('half rate, processing, asked', beside, 'records/s');
    note(values, 'half rate', asked!);
  }
}

async function measure(progress: Progress): Promise<Values> {
  const values = new Values();
  const broker = await benchBroker(progress);
  const folder = await mkdtemp(join(tmpdir(), 'streams-bench-'));
  const started: ServerProcess[] = [];
  const start = async (name: string): Promise<ServerProcess> => {
    const app = ServerProcess.start('./app.js', [broker.brokers, join(folder, name), name], await freePort());
    started.push(app);
    return app;
  };
  try {
    await broker.createTopic('query-in', PARTITIONS);
    progress(`a store of ${ENTRIES} entries`);
    const config = { 'cleanup.policy': 'compact', 'retention.ms': '-1', 'retention.bytes': '-1' };
    const changelog = { topic: 'query-balances-changelog', partitions: PARTITIONS, records: ENTRIES, config, progress };
    await loadTopic(broker.brokers, changelog, (index) => ({ key: keyAt(index), value: balanceAt(index) }));
    const first = await start('a');
    await first.ready(({ tasks }) => tasks.length === PARTITIONS);
    if (PARTS.includes('points')) await pointReads(values, first, folder, progress);
    if (PARTS.includes('peers')) {
      const second = await start('b');
      for (const app of [first, second]) await app.ready(({ tasks }) => tasks.length === PARTITIONS / 2);
      await forwarded(values, first, second, progress);
      await scans(values, first, folder, progress);
      await second.stop();
      await first.ready(({ tasks }) => tasks.length === PARTITIONS);
    }
    if (PARTS.includes('processing')) await besideProcessing(values, first, broker.brokers, progress);
    return values;
  } finally {
    for (const app of started) await app.stop();
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

export const queryBench: Bench = {
  name: 'query',
  async run(progress): Promise<BenchResult> {
    const values = await measure(progress);
    const ratio = (a: string, b: string): number => values.median(a) / values.median(b);
    return {
      figures: values.figures,
      ratios: {
        'local/controller (>= 0.90)': ratio('local', 'controller'),
        'local p99/controller p99 (<= 1)': ratio('local p99', 'controller p99'),
        'forwarded/local, 1 (<= 2.5)': ratio('forwarded 1 mean', 'owned 1 mean'),
        'forwarded/local, 32 (<= 2.5)': ratio('forwarded 32 mean', 'owned 32 mean'),
        'half rate p99/idle p99 (<= 3)': ratio('half rate p99', 'idle p99'),
        'half rate, asked/not (>= 0.85)': ratio('half rate, processing, asked', 'half rate, processing'),
        'highest rate, asked/not': ratio('processing, asked', 'processing'),
        'highest rate p99, ms (< 20)': values.median('highest rate p99'),
        'ndjson/raw (>= 0.60)': ratio('ndjson', 'raw scan'),
      },
    };
  },
};
