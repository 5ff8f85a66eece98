import { writeFile } from 'node:fs/promises';
import { panelsOf, plot } from './harness/plot.js';
import { machine, rounded, type Bench, type BenchResult } from './harness/report.js';

/** `npm run bench -- NAME [--json] [--svg FILE]`: progress on stderr; with `--json` the last line on stdout is one object for programs; FILE gets a picture. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  assignor: async () => (await import('./assignor/bench.js')).assignorBench,
  failover: async () => (await import('./failover/bench.js')).failoverBench,
  'large-store': async () => (await import('./large-store/bench.js')).largeStoreBench,
  process: async () => (await import('./process/bench.js')).processBench,
  query: async () => (await import('./query/bench.js')).queryBench,
  restore: async () => (await import('./restore/bench.js')).restoreBench,
  store: async () => (await import('./store/bench.js')).storeBench,
};

function table({ figures, ratios }: BenchResult): string {
  const lines = Object.entries(figures).map(
    ([name, { min, median, max, unit }]) =>
      `${name.padEnd(36)} ${String(rounded(min)).padStart(12)} ${String(rounded(median)).padStart(12)} ${String(rounded(max)).padStart(12)}  ${unit}`,
  );
  const header = `${''.padEnd(36)} ${'min'.padStart(12)} ${'median'.padStart(12)} ${'max'.padStart(12)}`;
  return [
    header,
    ...lines,
    '',
    ...Object.entries(ratios).map(([name, ratio]) => `${name.padEnd(36)} ${String(rounded(ratio)).padStart(12)}`),
  ].join('\n');
}

const [name = '', ...flags] = process.argv.slice(2);
const load = benches[name];
if (load === undefined) {
  process.stderr.write(`Unknown bench "${name}". There are: ${Object.keys(benches).join(', ')}.\n`);
  process.exit(2);
}
const bench = await load();
const svg = flags.includes('--svg') ? flags[flags.indexOf('--svg') + 1] : undefined;
if (flags.includes('--svg') && svg === undefined) {
  process.stderr.write('"--svg" wants the name of a file.\n');
  process.exit(2);
}
const { panels, ...result } = await bench.run((line) => void process.stderr.write(`${line}\n`));
process.stderr.write(`\n${table(result)}\n`);
if (svg !== undefined) await writeFile(svg, plot(`bench ${name}: ${machine()}`, panels ?? panelsOf(result)));
if (flags.includes('--json'))
  process.stdout.write(`${JSON.stringify({ bench: name, machine: machine(), ...result })}\n`);
process.exit(0);
