import { KafkaErrorCode as E } from '../../libs/streams/src/log/protocol/error-codes.js';
import type { World } from './simulation.js';
import { APPLICATION } from './application.js';
import { CHANGELOG, DELETIONS_KEPT_MS } from './outages.js';

/** Each does one wrong thing now, and sets right later what does not pass by itself. @returns what it did; undefined if nothing. */
type Fault = (world: World) => string | undefined;

export const FAULTS = {
  crash: ({ machines, random }) => {
    const machine = random.pick(machines);
    if (machine.instance === undefined) return undefined;
    machine.crash();
    return machine.name;
  },
  leave: ({ machines, random }) => {
    const machine = random.pick(machines);
    if (machine.instance === undefined || machine.isFrozen || machine.instance.state === 'failed') return undefined;
    void machine.stop();
    return machine.name;
  },
  freeze: ({ machines, random, clock }) => {
    const machine = random.pick(machines);
    if (machine.instance === undefined || machine.isFrozen) return undefined;
    machine.freeze();
    const forMs = random.between(500, 25_000);
    clock.schedule(forMs, () => machine.thaw());
    return `${machine.name} for ${forMs} ms`;
  },
  'lost connection': ({ network }) => (network.cut('one') > 0 ? 'one' : undefined),
  'lost answers': ({ network, random }) => {
    network.answersToLose += random.between(1, 4);
    return `${network.answersToLose}`;
  },
  'repeated requests': ({ network, random }) => {
    network.requestsToRepeat += random.between(1, 10);
    return `${network.requestsToRepeat}`;
  },
  'coordinator away': ({ network, random, clock }) => {
    const errors = [E.NOT_COORDINATOR, E.COORDINATOR_NOT_AVAILABLE, E.COORDINATOR_LOAD_IN_PROGRESS];
    network.coordinatorError = random.pick(errors);
    const forMs = random.between(50, 5000);
    clock.schedule(forMs, () => {
      network.coordinatorError = 0;
    });
    return `${network.coordinatorError} for ${forMs} ms`;
  },
  'leader away': ({ network, random, clock }) => {
    network.leaderError = random.pick([E.NOT_LEADER_OR_FOLLOWER, E.NOT_ENOUGH_REPLICAS, E.REQUEST_TIMED_OUT]);
    const forMs = random.between(50, 5000);
    clock.schedule(forMs, () => {
      network.leaderError = 0;
    });
    return `${network.leaderError} for ${forMs} ms`;
  },
  'failing disk': ({ machines, random }) => {
    const { name, disk } = random.pick(machines);
    disk.writesToFail = 1;
    return name;
  },
  'broker away': ({ network, random, clock }) => {
    network.isDown = true;
    network.cut('all');
    const forMs = random.between(500, 15_000);
    clock.schedule(forMs, () => {
      network.isDown = false;
    });
    return `for ${forMs} ms`;
  },
  'slow network': ({ network, random, clock }) => {
    network.slowness = random.between(10, 200);
    const forMs = random.between(1000, 8000);
    clock.schedule(forMs, () => {
      network.slowness = 1;
    });
    return `${network.slowness} times for ${forMs} ms`;
  },
  'slow disk': ({ machines, random, clock }) => {
    const { name, disk } = random.pick(machines);
    disk.writeMs = random.between(200, 5000);
    clock.schedule(random.between(1000, 8000), () => {
      disk.writeMs = 0;
    });
    return `${name}, ${disk.writeMs} ms a write`;
  },
  'damaged store': ({ machines, random }) => {
    const { name, disk } = random.pick(machines);
    return disk.damage(random.between(0, 100)) ? name : undefined;
  },
  'fencing double': ({ machines, random, broker }) => {
    const { name } = random.pick(machines);
    const request = { transactionalId: `${APPLICATION}-${name}`, transactionTimeoutMs: 10_000 };
    void broker.handle('double', 'initProducerId', { ...request, producerId: -1, producerEpoch: -1 });
    return name;
  },
  compaction: ({ broker }) => {
    void broker.compact(CHANGELOG).catch(() => undefined);
    return 'of the changelog';
  },
  'slow handlers': (world) => {
    world.slowRecords = world.random.between(1, 3);
    world.slowMs = world.random.between(2000, 60_000);
    return `${world.slowRecords} records, ${world.slowMs} ms each`;
  },
  'clock off': ({ machines, random, keepsDeletions, clock }) => {
    // Deletions that are kept for less time than a clock is off would be missed, as the guide says.
    if (!keepsDeletions) return undefined;
    const machine = random.pick(machines);
    const byMs = random.between(-6 * 60, 6 * 60) * 60_000;
    machine.setClockOff(byMs);
    clock.schedule(random.between(5000, 30_000), () => machine.setClockOff(0));
    return `${machine.name} by ${byMs / 60_000} minutes`;
  },
  'long absence': ({ machines, random, keepsDeletions, outages }) => {
    if (keepsDeletions || random.chance(0.5)) return undefined;
    const machine = random.pick(machines);
    if (machine.instance === undefined) return undefined;
    const forMs = random.between(DELETIONS_KEPT_MS, 2 * DELETIONS_KEPT_MS);
    outages.sendAway(machine, forMs);
    return `${machine.name} for ${forMs} ms`;
  },
  'expired offsets': (world) => {
    if (world.outages.areOffsetsUnsound || world.random.chance(0.75)) return undefined;
    world.outages.expireOffsets().catch((error: unknown) => world.violated(String(error)));
    return 'of the group';
  },
  'lost changelog': ({ outages }) => {
    if (outages.losesChangelog) return undefined;
    outages.losesChangelog = true;
    return 'at the end';
  },
} as const satisfies Record<string, Fault>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.freeze(Object.keys(FAULTS) as FaultKind[]);
