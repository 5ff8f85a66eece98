import type { Random } from './random.js';

export const APP_FAULTS = [
  'app-kill',
  'app-stop',
  'app-pause',
  'app-long-pause',
  'app-clock',
  'app-slow-handler',
] as const;
export const BROKER_FAULTS = ['broker-kill', 'broker-pause', 'broker-restart', 'broker-quota'] as const;

/** Those of the short form: the others take longer, and `npm run torture` has them. */
export const SHORT_APP_FAULTS = ['app-kill', 'app-stop', 'app-pause', 'app-long-pause'] as const;
export const SHORT_BROKER_FAULTS = ['broker-kill', 'broker-pause', 'broker-restart'] as const;

export type FaultKind = (typeof APP_FAULTS)[number] | (typeof BROKER_FAULTS)[number];

export interface PlannedFault<K extends FaultKind = FaultKind> {
  readonly kind: K;
  readonly targets: readonly string[];
  /** How long it lasts before it is healed. */
  readonly holdMs: number;
  /** Quiet time after its recovery. */
  readonly gapMs: number;
}

/** From here on an instance counts as dead, by the default of `group.sessionTimeout`. */
export const SESSION_TIMEOUT_MS = 10_000;

/** Shortest and longest time of each kind; the square of a random number chooses between them, so that most are short. */
const HOLDS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  'app-kill': [200, 15_000],
  'app-stop': [0, 5000],
  'app-pause': [2000, 9000],
  'app-long-pause': [SESSION_TIMEOUT_MS + 2000, 60_000],
  'app-clock': [2000, 20_000],
  'app-slow-handler': [SESSION_TIMEOUT_MS + 2000, 60_000],
  'broker-kill': [500, 12_000],
  'broker-pause': [1000, 20_000],
  'broker-restart': [0, 5000],
  'broker-quota': [2000, 20_000],
};

const DOUBLE_SHARE = 0.2;
const MAX_GAP_MS = 3000;

export interface FaultPlanOptions<K extends FaultKind> {
  readonly kinds: readonly K[];
  readonly targets: readonly string[];
  /** Whether two targets may be hit at once. */
  readonly allowsDouble: boolean;
  readonly maxHoldMs: number;
}

/** First each kind once, in any order, then any: without end. The random numbers alone decide. */
export function* planFaults<K extends FaultKind>(
  random: Random,
  { kinds, targets, allowsDouble, maxHoldMs }: FaultPlanOptions<K>,
): Generator<PlannedFault<K>, never> {
  const first = random.shuffled(kinds);
  for (;;) {
    const kind = first.pop() ?? random.pick(kinds);
    const [min, max] = HOLDS[kind];
    const count = random.next() < DOUBLE_SHARE && allowsDouble ? 2 : 1;
    yield {
      kind,
      targets: random.shuffled(targets).slice(0, count).sort(),
      holdMs: Math.round(random.between(Math.sqrt(min), Math.sqrt(Math.max(min, Math.min(max, maxHoldMs)))) ** 2),
      gapMs: Math.round(random.between(0, MAX_GAP_MS)),
    };
  }
}
