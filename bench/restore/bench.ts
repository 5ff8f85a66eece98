import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchBroker } from '../harness/broker.js';
import { measureChild, type Measurement } from '../harness/child.js';
import { loadBalances } from '../harness/load-balances.js';
import { figure, type Bench, type BenchResult, type Figure, type Progress } from '../harness/report.js';

const ENTRIES = Number(process.env.BENCH_RECORDS ?? 1_000_000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const APPLICATION = 'bench-restore';
const CHANGELOG = `${APPLICATION}-balances-changelog`;
const SOURCE = 'bench-restore-source';

type Variant = 'raw' | 'rocksdb' | 'memory';

async function run(progress: Progress): Promise<BenchResult> {
  const broker = await benchBroker(progress);
  const measured: Record<Variant, Measurement[]> = { raw: [], rocksdb: [], memory: [] };
  try {
    await loadBalances(broker, { changelog: CHANGELOG, source: SOURCE, entries: ENTRIES, progress });
    for (let round = 1; round <= ROUNDS; round++) {
      for (const variant of ['raw', 'rocksdb', 'memory'] as const) {
        const result = await measure(variant, broker.brokers);
        measured[variant].push(result);
        progress(
          `round ${round}: ${variant} ${Math.round(result.records / result.seconds)} entries/s` +
            (variant === 'raw' ? '' : `, loop delay p99.9 ${result.extra?.['delayP999Ms']?.toFixed(1)} ms`),
        );
      }
    }
  } finally {
    await broker.stop();
  }
  const figures: Record<string, Figure> = {};
  for (const [name, runs] of Object.entries(measured)) {
    figures[name] = figure(
      runs.map((each) => each.records / each.seconds),
      'entries/s',
    );
    figures[`${name} cpu`] = figure(
      runs.map((each) => (each.cpuSeconds / each.records) * 1e6),
      'us/entry',
    );
    figures[`${name} peak rss`] = figure(
      runs.map((each) => each.peakRssBytes / 2 ** 20),
      'MiB',
    );
    if (name !== 'raw')
      figures[`${name} loop delay p99.9`] = figure(
        runs.map((each) => each.extra?.['delayP999Ms'] ?? NaN),
        'ms',
      );
  }
  return {
    figures,
    ratios: {
      'rocksdb/raw': figures['rocksdb']!.median / figures['raw']!.median,
      'memory/raw': figures['memory']!.median / figures['raw']!.median,
    },
  };
}

async function measure(variant: Variant, brokers: string): Promise<Measurement> {
  if (variant === 'raw') return measureChild(new URL('./raw.js', import.meta.url), [brokers, CHANGELOG]);
  const directory = await mkdtemp(join(tmpdir(), 'streams-bench-'));
  const result = await measureChild(new URL('./streams-app.js', import.meta.url), [
    brokers,
    SOURCE,
    APPLICATION,
    directory,
    variant,
  ]);
  if (result.records !== ENTRIES) throw new Error(`${variant} restored ${result.records} of ${ENTRIES} entries`);
  return result;
}

export const restoreBench: Bench = { name: 'restore', run };
