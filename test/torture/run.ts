import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reportText } from './report.js';
import { torture } from './torture.js';

/** `npm run torture -- [--minutes 3] [--seed N] [--json] [--logs FOLDER]`: progress on stderr; with `--json` the last line on stdout is the report. */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    json: { type: 'boolean', default: false },
    logs: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes >= 0) || !Number.isInteger(seed)) {
  process.stderr.write('--minutes is a number from 0, and --seed a whole number.\n');
  process.exit(2);
}
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
const say = (line: string): void => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);

say(`seed ${seed}`);
const report = await torture({
  seed,
  minutes,
  // Both are built into one folder of their own, so that nobody's build takes the example away.
  entry: fileURLToPath(new URL('../../src/main.js', import.meta.url)),
  ...(values.logs === undefined ? {} : { logs: values.logs }),
  report: say,
  signal: interrupted.signal,
});
process.stderr.write(`\n${reportText(report)}\n`);
if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(report.verdict === 'equal' ? 0 : 1);
