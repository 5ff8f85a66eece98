import type { FaultKind } from './faults/fault-plan.js';

export interface Fault {
  /** Milliseconds since the start of the run. */
  readonly at: number;
  readonly kind: FaultKind;
  readonly target: string;
  readonly holdMs: number;
  /** Until every partition had committed something produced after the fault; null if it did not in time. */
  readonly recoveryMs: number | null;
  /** From its healing until the target was ready, or in sync, again. */
  readonly readyMs: number | null;
}

export interface TortureReport {
  readonly seed: number;
  readonly minutes: number;
  readonly faults: readonly Fault[];
  /** Transactions produced. */
  readonly records: number;
  readonly queries: { readonly total: number; readonly byStatus: Readonly<Record<string, number>> };
  readonly verdict: 'equal' | 'different';
  readonly mismatches: readonly string[];
}

/** For people; programs take the report itself. */
export function reportText(report: TortureReport): string {
  const seconds = (ms: number | null): string => (ms === null ? 'never' : (ms / 1000).toFixed(1)).padStart(9);
  const rows = report.faults.map(
    ({ at, kind, target, holdMs, recoveryMs, readyMs }) =>
      `${seconds(at)}  ${kind.padEnd(16)}  ${target.padEnd(6)} ${seconds(holdMs)} ${seconds(recoveryMs)} ${seconds(readyMs)}`,
  );
  const statuses = Object.entries(report.queries.byStatus).map(([status, count]) => `${status}: ${count}`);
  return [
    `seed ${report.seed}, ${report.minutes} minutes, times in seconds`,
    '',
    `${'at'.padStart(9)}  ${'fault'.padEnd(16)}  ${'target'.padEnd(6)} ${'lasted'.padStart(9)} ${'recovered'.padStart(9)} ${'ready'.padStart(9)}`,
    ...rows,
    '',
    `${report.records} transactions, ${report.queries.total} queries (${statuses.join(', ')})`,
    `${report.verdict}${report.mismatches.map((mismatch) => `\n  - ${mismatch}`).join('')}`,
  ].join('\n');
}
