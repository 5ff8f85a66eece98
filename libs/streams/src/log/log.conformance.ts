import { afterAll, beforeAll, describe } from 'vitest';
import { adminConformance } from './conformance/admin.conformance.js';
import { ConformanceWorld, type ConformanceTarget } from './conformance/conformance-world.js';
import { groupConformance } from './conformance/group.conformance.js';
import { producerConformance } from './conformance/producer.conformance.js';
import { readerConformance } from './conformance/reader.conformance.js';
import { transactionConformance } from './conformance/transaction.conformance.js';

/** What every wire must carry so that the clients keep the contract of the `Log` port. */
export function describeLogConformance(name: string, open: () => Promise<ConformanceTarget>): void {
  describe(`${name} keeps the contract of the log`, () => {
    let world: ConformanceWorld;
    const current = (): ConformanceWorld => world;

    beforeAll(async () => {
      world = new ConformanceWorld(await open());
      await world.log.connect();
    });

    afterAll(() => world?.close());

    describe('reader', () => readerConformance(current));
    describe('producer', () => producerConformance(current));
    describe('transactions', () => transactionConformance(current));
    describe('group', () => groupConformance(current));
    describe('admin', () => adminConformance(current));
  });
}
