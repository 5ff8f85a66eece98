import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchBroker } from '../harness/broker.js';
import type { Measurement } from '../harness/child.js';
import { loadTopic } from '../harness/load-topic.js';
import { figure, type Bench, type BenchResult, type Figure, type Progress } from '../harness/report.js';
import { PARTITIONS } from '../harness/workload.js';
import { variants } from './variants.js';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);

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
  const chosen = variants.filter(({ name }) => only?.includes(name) ?? true);
  const measurements = new Map<string, Measurement[]>();
  try {
    for (const { topic, records, recordAt } of new Set(chosen.map(({ workload }) => workload))) {
      progress(`loading ${records} records into ${topic}`);
      await loadTopic(broker.brokers, { topic, partitions: PARTITIONS, records, progress }, (index) => {
        const tx = recordAt(index);
        return { key: tx.accountId, value: JSON.stringify(tx) };
      });
    }
    for (let round = 1; round <= ROUNDS; round++) {
      for (const variant of chosen) {
        const id = `bench-${variant.name.replaceAll('_', '-')}-${round}`;
        if (variant.needsChangelog)
          await broker.createTopic(`${id}-changes`, PARTITIONS, { 'cleanup.policy': 'compact' });
        const directory = await mkdtemp(join(tmpdir(), 'streams-bench-'));
        const measured = await variant.measure({ brokers: broker.brokers, id, directory });
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
  const ratio = (above: string, below: string, name = `${above}/${below}`): Record<string, number> =>
    all[above] && all[below] ? { [name]: all[above].median / all[below].median } : {};
  // `X/kafka_streams...` compares equal guarantees.
  const beside = (guarantee: string, suffix: string): Record<string, number> => ({
    ...ratio(
      `${guarantee}${suffix}`,
      `kafka_streams_${guarantee}${suffix}`,
      `${guarantee}${suffix}/kafka_streams${suffix}`,
    ),
    ...ratio(
      `${guarantee}${suffix} peak rss`,
      `kafka_streams_${guarantee}${suffix} peak rss`,
      `${guarantee}${suffix}/kafka_streams${suffix} peak rss`,
    ),
  });
  return {
    figures: all,
    ratios: {
      ...ratio('at_least_once', 'naive'),
      ...ratio('at_least_once', 'batched'),
      ...ratio('exactly_once', 'naive'),
      ...ratio('exactly_once', 'at_least_once_100ms'),
      ...beside('at_least_once', ''),
      ...beside('exactly_once', ''),
      ...beside('at_least_once', '_distinct'),
      ...beside('exactly_once', '_distinct'),
    },
  };
}

export const processBench: Bench = { name: 'process', run };
