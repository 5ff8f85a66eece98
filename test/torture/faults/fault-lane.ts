import type { Fault } from '../report.js';
import type { FaultKind, PlannedFault } from './fault-plan.js';

/** One thing at a time is broken and mended again; two lanes run beside each other. */
export interface FaultLaneOptions<K extends FaultKind> {
  readonly plan: Generator<PlannedFault<K>, never>;
  inject(fault: PlannedFault<K>): Promise<void>;
  /** Settles once what can be done is done. */
  heal(fault: PlannedFault<K>): Promise<void>;
  /** Settles once the targets are as before. */
  restored(fault: PlannedFault<K>): Promise<void>;
  /** @returns how long the fault was felt, counted from the call. */
  measure(fault: PlannedFault<K>): Promise<number | undefined>;
  readonly report: (line: string) => void;
}

export interface FaultLaneRun {
  /** Faults to be made even if time is up. */
  readonly atLeast: number;
  isTimeUp(): boolean;
  elapsedMs(): number;
  readonly signal: AbortSignal;
}

/** @throws what a fault ran into, and Error if one is never recovered from. */
export async function runFaults<K extends FaultKind>(
  lane: FaultLaneOptions<K>,
  { atLeast, isTimeUp, elapsedMs, signal }: FaultLaneRun,
  faults: Fault[],
): Promise<void> {
  for (let made = 0; (made < atLeast || !isTimeUp()) && !signal.aborted; made++) {
    const fault = lane.plan.next().value;
    const { kind, holdMs, gapMs } = fault;
    const target = fault.targets.join('+');
    const at = Math.round(elapsedMs());
    lane.report(`${kind} ${target} for ${(holdMs / 1000).toFixed(1)} s`);
    const recovery = lane.measure(fault);
    await lane.inject(fault);
    await pause(holdMs, signal);
    const healedAt = performance.now();
    await lane.heal(fault);
    await lane.restored(fault);
    const readyMs = Math.round(performance.now() - healedAt);
    const recoveryMs = (await recovery) ?? null;
    faults.push({ at, kind, target, holdMs, recoveryMs, readyMs });
    if (signal.aborted) return;
    if (recoveryMs === null) throw new Error(`nothing moves after ${kind} of ${target}`);
    lane.report(`${kind} ${target}: recovered after ${recoveryMs} ms, ready ${readyMs} ms after its end`);
    await pause(gapMs, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
  });
}
