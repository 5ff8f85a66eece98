import type { AppFleet } from './app-fleet.js';
import type { APP_FAULTS, PlannedFault } from './fault-plan.js';
import { clockOff, slowFirstRecord } from './preloads.js';

const CLOCK_OFF_MS = 2 * 3600_000;

type AppFault = PlannedFault<(typeof APP_FAULTS)[number]>;

interface AppFaultKind {
  inject(fleet: AppFleet, fault: AppFault): Promise<void>;
  heal(fleet: AppFleet, fault: AppFault): Promise<void>;
}

async function each(targets: readonly string[], action: (id: string) => Promise<void> | void): Promise<void> {
  for (const id of targets) await action(id);
}

const startAll: AppFaultKind['heal'] = (fleet, { targets }) => each(targets, (id) => fleet.start(id));

const pause: AppFaultKind = {
  inject: (fleet, { targets }) => each(targets, (id) => fleet.pause(id)),
  heal: (fleet, { targets }) => each(targets, (id) => fleet.resume(id)),
};

export const APP_FAULT_KINDS: Readonly<Record<AppFault['kind'], AppFaultKind>> = {
  'app-kill': {
    inject: (fleet, { targets }) => each(targets, (id) => fleet.kill(id)),
    heal: startAll,
  },
  'app-stop': {
    inject: async (fleet, { targets }) => void (await Promise.all(targets.map((id) => fleet.stop(id)))),
    heal: startAll,
  },
  'app-pause': pause,
  'app-long-pause': pause,
  /** Started again with a clock that is two hours ahead or behind, and later with the right one. */
  'app-clock': {
    inject: (fleet, { targets, holdMs }) =>
      each(targets, async (id) => {
        await fleet.kill(id);
        await fleet.start(id, { NODE_OPTIONS: clockOff(holdMs % 2 === 0 ? CLOCK_OFF_MS : -CLOCK_OFF_MS) });
      }),
    heal: (fleet, { targets }) =>
      each(targets, async (id) => {
        await fleet.stop(id);
        await fleet.start(id);
      }),
  },
  /** Started again with a first record that takes all the time of the fault. The next instance leaves and joins again in that time. */
  'app-slow-handler': {
    inject: (fleet, { targets, holdMs }) =>
      each(targets, async (id) => {
        await fleet.kill(id);
        await fleet.start(id, { NODE_OPTIONS: slowFirstRecord(holdMs) });
        const other = fleet.targets.find((target) => !targets.includes(target.id))!;
        await fleet.stop(other.id);
        await fleet.start(other.id);
      }),
    heal: async () => {},
  },
};
