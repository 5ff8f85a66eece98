import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchBroker } from '../harness/broker.js';
import { measureChild } from '../harness/child.js';
import { loadBalances } from '../harness/load-balances.js';
import { figure, type Bench, type BenchResult, type Figure, type Progress } from '../harness/report.js';

const ENTRIES = Number(process.env.BENCH_RECORDS ?? 5_000_000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 1);
const APPLICATION = 'bench-large-store';
const CHANGELOG = `${APPLICATION}-balances-changelog`;
const SOURCE = 'bench-large-store-source';
const PHASES = ['start', 'approximate count', 'exact count', '20 exact counts', 'scan'] as const;

async function run(progress: Progress): Promise<BenchResult> {
  const broker = await benchBroker(progress);
  const measured = new Map<string, number[]>();
  try {
    await loadBalances(broker, { changelog: CHANGELOG, source: SOURCE, entries: ENTRIES, progress });
    for (let round = 1; round <= ROUNDS; round++) {
      const stateDir = await mkdtemp(join(tmpdir(), 'streams-bench-'));
      for (const state of ['restored', 'warm']) {
        const extra = await measure(broker.brokers, stateDir);
        for (const [name, value] of Object.entries(extra)) {
          const values = measured.get(`${state} ${name}`) ?? [];
          values.push(value);
          measured.set(`${state} ${name}`, values);
        }
        for (const phase of PHASES)
          progress(`${state}: ${phase} ${extra[`${phase} s`]!.toFixed(2)} s, ${mebibytes(extra[`${phase} rss`]!)} MiB`);
      }
      await rm(stateDir, { recursive: true, force: true });
    }
  } finally {
    await broker.stop();
  }
  const figures: Record<string, Figure> = {};
  for (const [name, values] of measured)
    figures[name] = name.endsWith(' s') ? figure(values, 's') : figure(values.map(mebibytes), 'MiB');
  return { figures, ratios: {} };
}

async function measure(brokers: string, stateDir: string): Promise<Readonly<Record<string, number>>> {
  const program = new URL('./app.js', import.meta.url);
  const { records, extra = {} } = await measureChild(program, [brokers, SOURCE, APPLICATION, stateDir]);
  if (records !== ENTRIES) throw new Error(`The store has ${records} of ${ENTRIES} entries`);
  return extra;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

export const largeStoreBench: Bench = { name: 'large-store', run };
