import { parseArgs } from 'node:util';
import { FAULT_KINDS } from './faults.js';
import { simulate } from './simulation.js';

/** `npm run simulate -- [--seeds 100] [--from N] | --seed N [--trace]`, both with `[--faults crash,freeze]`: a line for each seed that fails, then a table. */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    seed: { type: 'string' },
    faults: { type: 'string', default: FAULT_KINDS.join() },
    trace: { type: 'boolean', default: false },
  },
});
const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
if (!Number.isInteger(from) || !Number.isInteger(count) || count < 1) {
  process.stderr.write('--seed, --from and --seeds are whole numbers, and there is at least one seed.\n');
  process.exit(2);
}
const kinds = FAULT_KINDS.filter((kind) => values.faults.split(',').includes(kind));
if (kinds.length === 0) {
  process.stderr.write(`--faults names some of ${FAULT_KINDS.join()}\n`);
  process.exit(2);
}
const startedAt = Date.now();
const faults = new Map<string, number>();
const failed: number[] = [];
const totals = { entries: 0, queries: 0, virtualMs: 0 };
for (let seed = from; seed < from + count; seed++) {
  const result = await simulate(seed, kinds);
  for (const [kind, times] of result.faults) faults.set(kind, (faults.get(kind) ?? 0) + times);
  totals.entries += result.entries;
  totals.queries += result.queries;
  totals.virtualMs += result.virtualMs;
  if (values.trace) process.stdout.write(`${result.trace.join('\n')}\ntrace ${result.traceHash}\n`);
  if (result.violations.length > 0) {
    failed.push(seed);
    process.stdout.write(`seed ${seed} FAILED: ${result.violations.join('\n  ')}\n`);
    if (!values.trace) process.stdout.write(`${result.trace.slice(-30).join('\n')}\n`);
    process.stdout.write(`replay: npm run simulate -- --seed ${seed} --trace\n`);
  }
}
const rows: [string, string | number][] = [
  ['seeds', `${from} to ${from + count - 1}`],
  ['failed', failed.length === 0 ? 'none' : failed.join(', ')],
  ...[...faults].sort().map(([kind, times]): [string, number] => [`fault: ${kind}`, times]),
  ['records in', totals.entries],
  ['queries checked', totals.queries],
  ['virtual hours', (totals.virtualMs / 3_600_000).toFixed(1)],
  ['seconds', ((Date.now() - startedAt) / 1000).toFixed(1)],
];
for (const [name, value] of rows) process.stdout.write(`${name.padEnd(24)}${value}\n`);
process.exit(failed.length === 0 ? 0 : 1);
