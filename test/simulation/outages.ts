import { APPLICATION } from './application.js';
import type { SimulatedMachine } from './simulated-machine.js';
import type { World } from './simulation.js';

/** Longer than a transaction or a session lasts without its owner. */
const ALL_DECIDED_MS = 20_000;
const WITHOUT_OFFSETS_MS = 8000;
/** An instance looks at its changelogs every 10 seconds, and believes the second look. */
const NOTICED_WITHIN_MS = 60_000;

/** Short, so that an absence within a simulation is longer. */
export const DELETIONS_KEPT_MS = 30_000;
export const CHANGELOG = `${APPLICATION}-ledgers-changelog`;

/** Faults that take several steps, and somebody who sets them right. */
export class Outages {
  /** Nothing is started while everybody is away. */
  areAllAway = false;
  /** The offsets are lost, or about to be. */
  areOffsetsUnsound = false;
  losesChangelog = false;
  private readonly away = new Set<SimulatedMachine>();

  constructor(private readonly world: World) {}

  mayStart(machine: SimulatedMachine): boolean {
    return !this.areAllAway && !this.away.has(machine);
  }

  /** Keeps one machine away for longer than the changelog keeps deletions, which is compacted in between. */
  sendAway(machine: SimulatedMachine, forMs: number): void {
    const { clock, broker } = this.world;
    this.away.add(machine);
    machine.crash();
    const compact = (): void => void broker.compact(CHANGELOG).catch(() => undefined);
    // Deletions are kept from the first run on that meets them.
    for (const share of [0.05, 0.2, 0.4, 0.99]) clock.schedule(share * forMs, compact);
    clock.schedule(forMs, () => void this.away.delete(machine));
  }

  /** All members are away until the group's offsets have expired; then they come back, and later somebody brings the offsets back. */
  async expireOffsets(): Promise<void> {
    const { clock, broker, observer, machines, inputs } = this.world;
    this.areAllAway = true;
    this.areOffsetsUnsound = true;
    const pass = (ms: number): Promise<void> => new Promise((resolve) => void clock.schedule(ms, resolve));
    for (const machine of machines) machine.crash();
    await pass(ALL_DECIDED_MS);
    const kept = await observer.admin.committedOffsets(APPLICATION, inputs);
    broker.expireOffsets(APPLICATION);
    this.world.say('the offsets have expired');
    this.areAllAway = false;
    await pass(WITHOUT_OFFSETS_MS);
    this.areAllAway = true;
    for (const machine of machines) machine.crash();
    await pass(ALL_DECIDED_MS);
    const found = await observer.admin.committedOffsets(APPLICATION, inputs);
    const lost = kept.filter(({ offset }, i) => offset >= 0 && found[i]!.offset < 0);
    const partitions = lost.map(({ partition, offset }) => ({ partition, offset, metadata: null }));
    const nobody = { groupId: APPLICATION, generationId: -1, memberId: '', instanceId: null };
    await broker.handle('operator', 'offsetCommit', { ...nobody, topics: [{ topic: 'in', partitions }] });
    this.world.say(`the offsets of ${lost.map(({ partition }) => partition).join() || 'nothing'} are back`);
    this.areAllAway = false;
    this.areOffsetsUnsound = false;
  }

  /** Takes the changelog away at the end of everything. Every instance has to stop, and none may begin again. */
  async loseChangelog(): Promise<void> {
    const { clock, observer, machines, random } = this.world;
    const { partitions } = this.world;
    const isMadeAgain = random.chance(0.5);
    this.world.say(`the changelog vanishes${isMadeAgain ? ', and is made again' : ''}`);
    await clock.settle(observer.admin.deleteTopics([CHANGELOG]), 'deleting the changelog');
    const topic = { name: CHANGELOG, partitions, config: { 'cleanup.policy': 'compact', 'retention.ms': '-1' } };
    if (isMadeAgain) await clock.settle(observer.admin.createTopics([topic]), 'making the changelog again');
    for (const moment of ['while it ran', 'at its next start']) {
      const haveStopped = (): boolean => machines.every(({ instance }) => instance?.state === 'failed');
      if (!(await clock.until(haveStopped, NOTICED_WITHIN_MS)))
        this.world.violated(`not every instance noticed ${moment} that its changelog is gone`);
      for (const { name, instance } of machines) {
        const code = (instance?.failure as { code?: string } | undefined)?.code;
        if (code !== 'STREAMS_CHANGELOG_LOST') this.world.violated(`${name} failed with ${code} ${moment}`);
      }
      for (const machine of machines) machine.crash();
      if (moment === 'at its next start') return;
      for (const machine of machines) {
        machine.start();
        // Those that read their files at the same moment would end in an order that no seed decides.
        await clock.until(() => false, 1);
      }
    }
  }
}
