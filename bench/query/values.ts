import { figure, type Figure } from '../harness/report.js';
import { ENTRIES } from './entries.js';
import { runProgram, type Asked, type LoadResult } from './processes.js';

export const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
export const PARTITIONS = 4;
export const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);

/** Values of each figure over the rounds. */
export class Values {
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
export function load(
  { port }: Asked,
  { connections = 32, rate = 0, seconds = SECONDS, keys = [] as readonly number[] },
): Promise<LoadResult> {
  return runProgram<LoadResult>('./load.js', [
    JSON.stringify({ port, connections, rate, seconds, keys, entries: ENTRIES }),
  ]);
}

export function note(values: Values, name: string, result: LoadResult): LoadResult {
  if (result.failures > 0) throw new Error(`${name}: ${result.failures} requests failed`);
  values.add(name, result.perSecond, 'requests/s');
  values.add(`${name} p50`, result.p50, 'ms');
  values.add(`${name} mean`, result.mean, 'ms');
  values.add(`${name} p99`, result.p99, 'ms');
  if (result.late > 0) values.add(`${name}, generator late, p99`, result.late, 'ms');
  return result;
}
