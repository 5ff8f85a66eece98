import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchBroker } from '../harness/broker.js';
import { measureChild, type Measurement } from '../harness/child.js';
import { loadTopic } from '../harness/load-topic.js';
import { figure, type Bench, type BenchResult, type Figure, type Progress } from '../harness/report.js';
import { PARTITIONS, transaction } from '../harness/workload.js';

const RECORDS = Number(process.env.BENCH_RECORDS ?? 2_000_000);
const NAIVE_RECORDS = Math.min(RECORDS, 100_000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const TOPIC = 'bench-transactions';

interface Variant {
  readonly name: string;
  readonly program: URL;
  args(run: { brokers: string; id: string; directory: string }): string[];
}

const userProgram = (name: string, records: number): Variant => ({
  name,
  program: new URL(`./${name}.js`, import.meta.url),
  args: ({ brokers, id, directory }) => [brokers, TOPIC, `${id}-changes`, id, directory, String(records)],
});

const streams = (name: string, guarantee: string, commitIntervalMs: number): Variant => ({
  name,
  program: new URL('./streams-app.js', import.meta.url),
  args: ({ brokers, id, directory }) => [
    brokers,
    TOPIC,
    id,
    directory,
    String(RECORDS),
    guarantee,
    String(commitIntervalMs),
  ],
});

const variants: readonly Variant[] = [
  userProgram('naive', NAIVE_RECORDS),
  userProgram('batched', RECORDS),
  streams('at_least_once', 'at_least_once', 30_000),
  streams('at_least_once_100ms', 'at_least_once', 100),
  streams('exactly_once', 'exactly_once', 100),
];

function figures(measurements: ReadonlyMap<string, readonly Measurement[]>): Record<string, Figure> {
  const all: Record<string, Figure> = {};
  for (const [name, runs] of measurements) {
    all[name] = figure(
      runs.map((run) => run.records / run.seconds),
      'records/s',
    );
    all[`${name} cpu`] = figure(
      runs.map((run) => (run.cpuSeconds / run.records) * 1e6),
      'us/record',
    );
    all[`${name} peak rss`] = figure(
      runs.map((run) => run.peakRssBytes / 2 ** 20),
      'MiB',
    );
  }
  return all;
}

async function run(progress: Progress): Promise<BenchResult> {
  const broker = await benchBroker(progress);
  const only = process.env.BENCH_ONLY?.split(',');
  const measurements = new Map<string, Measurement[]>();
  try {
    progress(`loading ${RECORDS} records`);
    await loadTopic(broker.brokers, { topic: TOPIC, partitions: PARTITIONS, records: RECORDS, progress }, (index) => {
      const tx = transaction(index);
      return { key: tx.accountId, value: JSON.stringify(tx) };
    });
    for (let round = 1; round <= ROUNDS; round++) {
      for (const variant of variants) {
        if (only && !only.includes(variant.name)) continue;
        const id = `bench-${variant.name.replaceAll('_', '-')}-${round}`;
        if (variant.name === 'naive' || variant.name === 'batched')
          await broker.createTopic(`${id}-changes`, PARTITIONS, { 'cleanup.policy': 'compact' });
        const directory = await mkdtemp(join(tmpdir(), 'streams-bench-'));
        const measured = await measureChild(variant.program, variant.args({ brokers: broker.brokers, id, directory }));
        measurements.set(variant.name, [...(measurements.get(variant.name) ?? []), measured]);
        progress(
          `round ${round}: ${variant.name} ${Math.round(measured.records / measured.seconds)} records/s, ${Math.round(measured.peakRssBytes / 2 ** 20)} MiB`,
        );
      }
    }
  } finally {
    await broker.stop();
  }
  const all = figures(measurements);
  const ratio = (above: string, below: string): Record<string, number> =>
    all[above] && all[below] ? { [`${above}/${below}`]: all[above].median / all[below].median } : {};
  return {
    figures: all,
    ratios: {
      ...ratio('at_least_once', 'naive'),
      ...ratio('at_least_once', 'batched'),
      ...ratio('exactly_once', 'naive'),
      ...ratio('exactly_once', 'at_least_once_100ms'),
    },
  };
}

export const processBench: Bench = { name: 'process', run };
