import { expect, it } from 'vitest';
import { silentLogger } from '../../observability/streams-logger.js';
import { HandlerLook } from './handler-look.js';

it('names a handler that is busy for ten seconds, and again after twice the time', () => {
  const warnings: string[] = [];
  const looks = new HandlerLook({ ...silentLogger, warn: (text) => void warnings.push(text) });
  const look = (tookMs: number | undefined): number => {
    const underWay =
      tookMs === undefined ? undefined : { handler: 'Bank.apply', topic: 'in', partition: 0, offset: 5, tookMs };
    looks.look([{ id: '0_0', records: { watch: { underWay } } }]);
    return warnings.length;
  };
  expect([9000, 10_000, 15_000, 20_000].map(look)).toEqual([0, 1, 1, 2]);
  expect([undefined, 9000, 12_000].map(look)).toEqual([2, 2, 3]);
  expect(warnings[0]).toContain('Bank.apply has been busy for 10 s with the record at offset 5 of "in" partition 0');
});
