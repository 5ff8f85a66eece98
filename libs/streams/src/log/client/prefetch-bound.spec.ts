import * as fc from 'fast-check';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { PartitionReaderClient } from './partition-reader-client.js';
import { EndlessBrokers, type EndlessBrokersOptions } from './testing/endless-brokers.js';

const PARTITION_BYTES = 10_000;
const PREFETCH_BYTES = 60_000;

/** A reader of partitions 0 to `count` - 1 of endless brokers. */
class World {
  readonly brokers: EndlessBrokers;
  readonly reader: PartitionReaderClient;
  takenBytes = 0;

  constructor(
    readonly count: number,
    options: EndlessBrokersOptions = {},
  ) {
    this.brokers = new EndlessBrokers(options);
    const bounds = { partitionMaxBytes: PARTITION_BYTES, prefetchMaxBytes: PREFETCH_BYTES };
    const role = { role: 'test', isolation: 'read_committed' } as const;
    this.reader = new PartitionReaderClient(this.brokers.openWire(), { ...role, ...bounds }, new ManualClock());
  }

  async start(): Promise<void> {
    await this.reader.assign(
      Array.from({ length: this.count }, (_, partition) => ({ ...placeOf(partition), offset: 0 })),
    );
    await turn();
  }

  /** Fetched and not taken, or asked for. */
  get heldBytes(): number {
    return this.brokers.sentBytes - this.takenBytes + this.brokers.askedBytes;
  }

  /** @returns the partition of the chunk. */
  take(): number | undefined {
    const fetched = this.reader.take();
    this.takenBytes += fetched?.chunk?.byteLength ?? 0;
    return fetched?.partition.partition;
  }
}

const placeOf = (partition: number): { topic: string; partition: number } => ({ topic: 'in', partition });

describe('what a reader has fetched', () => {
  let world: World;
  afterEach(() => world.reader.close());

  it('is within its limit where partitions are paused one after the other, each with what it has', async () => {
    world = new World(12);
    await world.start();
    for (let partition = 0; partition < 12; partition++) world.reader.pause(placeOf(partition));
    for (let round = 0; round < 36; round++) {
      const place = placeOf(round % 12);
      world.reader.resume(place);
      await turn();
      world.reader.pause(place);
    }
    expect(world.heldBytes).toBeLessThanOrEqual(PREFETCH_BYTES + 12 * PARTITION_BYTES);
    expect(world.heldBytes).toBeGreaterThan(PREFETCH_BYTES / 2);
  });

  it('is within its limit in any order of pauses and takes, over any number of leaders', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constantFrom('pause', 'resume'), partition: fc.nat(7) }),
      fc.constant({ do: 'take', partition: 0 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), async (leaders, steps) => {
        world = new World(8, { leaders });
        await world.start();
        for (const { do: what, partition } of steps) {
          if (what === 'take') world.take();
          else world.reader[what as 'pause' | 'resume'](placeOf(partition));
          await turn();
          expect(world.heldBytes).toBeLessThanOrEqual(PREFETCH_BYTES + 8 * PARTITION_BYTES);
        }
        for (let partition = 0; partition < 8; partition++) world.reader.resume(placeOf(partition));
        const seen = new Set<number | undefined>();
        for (let i = 0; i < 200; i++) {
          seen.add(world.take());
          await turn();
        }
        seen.delete(undefined);
        expect(seen.size).toBe(8);
        await world.reader.close();
      }),
      // Three leaders, each with its own order of partitions.
      { numRuns: 25, examples: [[3, []]] },
    );
  });

  it('for paused partitions starves none of the others', async () => {
    world = new World(2);
    world.brokers.idle.add(1);
    await world.start();
    await turn();
    expect(world.heldBytes).toBeGreaterThan(PREFETCH_BYTES - 2 * PARTITION_BYTES);
    world.reader.pause(placeOf(0));
    world.brokers.idle.delete(1);
    world.brokers.idle.add(0);
    expect(world.take()).toBeUndefined();
    for (let chunk = 0; chunk < 20; chunk++) {
      await turn();
      expect(world.take()).toBe(1);
    }
  });

  it('is shared by the leaders, so that one whose fetch is parked leaves the others theirs', async () => {
    world = new World(2, { leaders: 2 });
    world.brokers.idle.add(0);
    await world.start();
    for (let i = 0; i < 10; i++) await turn();
    const fetched = world.brokers.sentBytes;
    expect(fetched).toBeGreaterThan(PREFETCH_BYTES / 2 - 2 * PARTITION_BYTES);
    expect(fetched).toBeLessThanOrEqual(PREFETCH_BYTES / 2);
  });
});
