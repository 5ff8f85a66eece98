import { describe, expect, inject, it } from 'vitest';
import { SHORT_APP_FAULTS, SHORT_BROKER_FAULTS } from '../torture/faults/fault-plan.js';
import { reportText } from '../torture/report.js';
import { torture } from '../torture/torture.js';
import { brokerUnavailable } from './kafka-jars.js';

const unavailable = inject('kafkaUnavailable') ?? (await brokerUnavailable());

/** The short form of `npm run torture`: the kinds of faults that pass quickly once each, those of instances beside those of brokers. */
describe.skipIf(unavailable)('three instances on three brokers', () => {
  it('agree with the model record by record after faults of every kind', { timeout: 600_000 }, async () => {
    const lines: string[] = [];
    const seed = Date.now() % 1_000_000;
    const report = await torture({
      seed,
      minutes: 0,
      maxHoldMs: 15_000,
      isShort: true,
      report: (line) => lines.push(line),
    });
    expect(report.mismatches, `${lines.join('\n')}\n${reportText(report)}`).toEqual([]);
    expect(new Set(report.faults.map(({ kind }) => kind))).toEqual(
      new Set([...SHORT_APP_FAULTS, ...SHORT_BROKER_FAULTS]),
    );
    expect(report.faults.every(({ recoveryMs }) => recoveryMs !== null)).toBe(true);
    expect(report.records).toBeGreaterThan(5000);
    expect(report.queries.byStatus['200']).toBeGreaterThan(500);
  });
});
