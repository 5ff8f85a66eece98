import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import { benchBroker } from '../harness/broker.js';
import { loadTopic } from '../harness/load-topic.js';
import type { Bench, BenchResult, Progress } from '../harness/report.js';
import { besideProcessing } from './beside-processing.js';
import { balanceAt, ENTRIES, keyAt } from './entries.js';
import { kafkaStreamsBesideProcessing } from './kafka-streams/beside.js';
import { queryPanels } from './panels.js';
import { runProgram, ServerProcess } from './processes.js';
import { load, note, PARTITIONS, ROUNDS, SECONDS, Values } from './values.js';
import { freePort } from '../../test/kafka/broker-process.js';

/** Some of it, while one looks for something; `kafka-streams` only if it is asked for. */
const PARTS = (process.env.BENCH_PARTS ?? 'points,processing,peers').split(',');
const SCANNED = 100_000;
/** Its compiler works for minutes after the start, on a core that somebody else is measured on. */
const BROKER_OPTIONS = ['-XX:TieredStopAtLevel=1'];

/** Against a controller written by hand. */
async function pointReads(
  values: Values,
  app: ServerProcess,
  controller: ServerProcess,
  progress: Progress,
): Promise<void> {
  for (const server of [controller, app]) await load(server, { seconds: 4 });
  for (let round = 1; round <= ROUNDS; round++) {
    progress(`point reads, round ${round}`);
    note(values, 'controller', await load(controller, {}));
    note(values, 'local', await load(app, {}));
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

async function measure(progress: Progress): Promise<Values> {
  const values = new Values();
  const broker = await benchBroker(progress, BROKER_OPTIONS);
  const folder = await mkdtemp(join(tmpdir(), 'streams-bench-'));
  const started: ServerProcess[] = [];
  const server = async (program: string, ...args: readonly string[]): Promise<ServerProcess> => {
    const process = ServerProcess.start(program, args, await freePort());
    started.push(process);
    return process;
  };
  const start = (name: string): Promise<ServerProcess> => server('./app.js', broker.brokers, join(folder, name), name);
  try {
    await broker.createTopic('query-in', PARTITIONS);
    progress(`a store of ${ENTRIES} entries`);
    const config = { 'cleanup.policy': 'compact', 'retention.ms': '-1', 'retention.bytes': '-1' };
    const changelog = { topic: 'query-balances-changelog', partitions: PARTITIONS, records: ENTRIES, config, progress };
    await loadTopic(broker.brokers, changelog, (index) => ({ key: keyAt(index), value: balanceAt(index) }));
    const first = await start('a');
    await first.ready(({ tasks }) => tasks.length === PARTITIONS);
    const controller = await server('./controller.js', join(folder, 'controller'));
    await controller.ready(() => true);
    if (PARTS.includes('points')) await pointReads(values, first, controller, progress);
    if (PARTS.includes('peers')) {
      const second = await start('b');
      for (const app of [first, second]) await app.ready(({ tasks }) => tasks.length === PARTITIONS / 2);
      await forwarded(values, first, second, progress);
      await scans(values, first, folder, progress);
      await second.stop();
      await first.ready(({ tasks }) => tasks.length === PARTITIONS);
    }
    if (PARTS.includes('processing')) await besideProcessing(values, first, controller, broker.brokers, progress);
    if (!PARTS.includes('kafka-streams')) return values;
    for (const each of started) await each.stop();
    await kafkaStreamsBesideProcessing(values, broker, folder, progress);
    return values;
  } finally {
    for (const each of started) await each.stop();
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
      panels: queryPanels(values),
      ratios: {
        'local/controller (>= 0.90)': ratio('local', 'controller'),
        'local p99/controller p99 (<= 1)': ratio('local p99', 'controller p99'),
        'forwarded/local, 1 (<= 2.5)': ratio('forwarded 1 mean', 'owned 1 mean'),
        'forwarded/local, 32 (<= 2.5)': ratio('forwarded 32 mean', 'owned 32 mean'),
        'half rate p99/idle p99 (<= 3)': ratio('half rate p99', 'idle p99'),
        'half rate, asked/not (>= 0.85)': ratio('half rate, processing, asked', 'half rate, processing'),
        'highest rate, asked/not': ratio('processing, asked', 'processing'),
        'highest rate p99, ms (< 20)': values.median('highest rate p99'),
        'highest rate p99, of Kafka Streams': ratio('highest rate p99', 'Kafka Streams, highest rate p99'),
        'half rate p99, of Kafka Streams': ratio('half rate p99', 'Kafka Streams, half rate p99'),
        'half rate p99, of the controller beside it': ratio('half rate p99', 'controller, half rate p99'),
        'highest rate p99, of the controller beside it': ratio('highest rate p99', 'controller, highest rate p99'),
        'ndjson/raw (>= 0.60)': ratio('ndjson', 'raw scan'),
      },
    };
  },
};
