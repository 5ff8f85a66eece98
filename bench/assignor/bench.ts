import { SimulatedGroup, type Round } from '../../test/support/simulated-group.js';
import { figure, type Bench, type BenchResult, type Figure, type Progress } from '../harness/report.js';

const INSTANCES = [2, 10, 50, 200];
const TASKS = [10, 100, 1000, 10_000];
const LIMIT_MS = 1000;
/** What a broker takes as one record by default, and what the group has of it. */
const RECORD_BYTES = 1_048_576;
const ZONES = 3;

function build(instances: number, tasks: number): SimulatedGroup {
  const subTopologies = tasks >= 1000 ? 10 : 1;
  const partitions = Array.from({ length: subTopologies }, () => tasks / subTopologies);
  const group = new SimulatedGroup(partitions, { maxWarmupReplicas: tasks, rackAwareTags: ['zone'] });
  for (let n = 0; n < instances; n++) join(group, n);
  return group;
}

function join(group: SimulatedGroup, n: number): void {
  group.join(`bank-${n}-7d9f8c6b5-x${n}z`, { rackTags: { zone: `zone-${n % ZONES}` } });
}

/** @returns the slowest round, and what all of them moved. */
function summary(rounds: readonly Round[]): { readonly ms: number; readonly bytes: number; readonly moves: number } {
  return {
    ms: Math.max(...rounds.map(({ assignMs }) => assignMs)),
    bytes: Math.max(...rounds.map(({ groupBytes }) => groupBytes)),
    moves: rounds.reduce((sum, { moves }) => sum + moves, 0),
  };
}

async function run(progress: Progress): Promise<BenchResult> {
  const figures: Record<string, Figure> = {};
  let slowest = 0;
  let largest = 0;
  progress('instances  tasks   first ms  leave ms (moves)  join ms (moves)  group KB');
  for (const instances of INSTANCES)
    for (const tasks of TASKS) {
      const group = build(instances, tasks);
      const first = summary(group.settle());
      group.leave('bank-1-7d9f8c6b5-x1z');
      const left = summary(group.settle());
      join(group, instances);
      const joined = summary(group.settle());
      const bytes = Math.max(first.bytes, left.bytes, joined.bytes);
      const times = [first.ms, left.ms, joined.ms];
      figures[`${instances} instances, ${tasks} tasks`] = figure(times, 'ms');
      slowest = Math.max(slowest, ...times);
      largest = Math.max(largest, bytes);
      progress(
        `${String(instances).padStart(9)} ${String(tasks).padStart(6)} ${first.ms.toFixed(1).padStart(10)} ` +
          `${left.ms.toFixed(1).padStart(9)} (${left.moves}) ${joined.ms.toFixed(1).padStart(9)} (${joined.moves}) ${(bytes / 1000).toFixed(1).padStart(9)}`,
      );
    }
  return {
    figures,
    ratios: { 'slowest assignment / 1 s': slowest / LIMIT_MS, 'largest group / 1 MiB record': largest / RECORD_BYTES },
  };
}

export const assignorBench: Bench = { name: 'assignor', run };
