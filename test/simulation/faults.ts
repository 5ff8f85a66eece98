import type { World } from './simulation.js';
import { APPLICATION } from './application.js';

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
    void broker.compact(`${APPLICATION}-ledgers-changelog`).catch(() => undefined);
    return 'of the changelog';
  },
} as const satisfies Record<string, Fault>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.freeze(Object.keys(FAULTS) as FaultKind[]);
