import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FeedWorld } from './testing/feed-world.js';

const PARTITIONS = 3;

/** Some changes of one partition; those of an aborted transaction are never told. */
const burst = fc.record({
  partition: fc.nat({ max: PARTITIONS - 1 }),
  count: fc.integer({ min: 1, max: 60 }),
  isCommitted: fc.boolean(),
  turns: fc.nat({ max: 5 }),
});

/** After how many bursts it comes, whether it goes on at where the changelog began, and how slow it is at first and then. */
const reader = fc.record({
  comesAfter: fc.nat({ max: 10 }),
  isFromBegin: fc.boolean(),
  slowness: fc.array(fc.nat({ max: 8 }), { minLength: 1, maxLength: 4 }),
});

describe('a feed', () => {
  it('tells every change exactly once and in order, however often it falls behind the window and catches up', async () => {
    let ownReaders = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(burst, { minLength: 5, maxLength: 15 }),
        fc.array(reader, { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 400, max: 6000 }),
        async (bursts, readers, windowMaxBytes) => {
          const world = await FeedWorld.open({ partitions: PARTITIONS, windowMaxBytes, fetchMaxBytes: 300 });
          const producer = world.log.openTransactionalProducer({ role: 'test', transactionalId: 'tx' });
          await producer.init();
          const model: string[][] = world.partitions.map(() => []);
          const feeds: Promise<void>[] = [];
          const follow = async ({ isFromBegin, slowness }: (typeof readers)[number]): Promise<void> => {
            const shown = model.map(({ length }) => (isFromBegin ? 0 : length));
            const subscriber = await world.subscribe(isFromBegin ? world.partitions.map(() => 0) : await world.ends());
            const hasEnd = (told: readonly string[]): boolean => told.at(-1)?.endsWith('.end') === true;
            const reading = async (): Promise<void> => {
              while (!subscriber.told.every(hasEnd)) {
                const { count } = subscriber;
                await subscriber.readTo(count + 1, slowness[Math.floor(count / 20) % slowness.length]);
              }
              await subscriber.close();
              expect(subscriber.told).toEqual(model.map((each, partition) => each.slice(shown[partition])));
            };
            feeds.push(reading());
          };
          const put = (partition: number, name: string): void => {
            const value = Buffer.from(`${partition}.${name}`);
            producer.append(world.topic, partition, value, value, 1);
          };
          try {
            for (const [index, { partition, count, isCommitted, turns }] of bursts.entries()) {
              for (const each of readers) if (each.comesAfter === index) await follow(each);
              for (let i = 0; i < count; i++) put(partition, `${index}.${i}`);
              await (isCommitted ? producer.commit() : producer.flush().then(() => producer.abort()));
              // The end of a transaction is answered before its markers are written.
              while ((await world.ends('read_committed')).join() !== (await world.ends('read_uncommitted')).join())
                await turn();
              if (isCommitted) for (let i = 0; i < count; i++) model[partition].push(`${partition}.${index}.${i}`);
              for (let i = 0; i < turns; i++) await turn();
            }
            for (const partition of world.partitions) {
              put(partition, 'end');
              model[partition].push(`${partition}.end`);
            }
            await producer.commit();
            await Promise.all(feeds);
            ownReaders += Math.max(0, world.log.readersOpened - 1);
            expect([world.log.readersOpen, world.tails.size]).toEqual([0, 0]);
          } finally {
            await world.close();
          }
        },
      ),
      { numRuns: 25, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: true },
    );
    expect(ownReaders, 'there was something to hand over').toBeGreaterThan(0);
  });
});
