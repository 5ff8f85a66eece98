import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { StoreCurrency, type CurrencyTimes } from './store-currency.js';

const HOUR_MS = 3_600_000;

describe('the currency of stores', () => {
  const world = (keptMs: number | undefined) => {
    const clock = new ManualClock();
    const saved: CurrencyTimes[] = [];
    const file = {
      loadCurrency: () => saved.at(-1) ?? {},
      saveCurrency: (times: CurrencyTimes) => void saved.push(times),
    };
    const kept = new Map(keptMs === undefined ? [] : [['changelog', keptMs]]);
    return { clock, saved, open: () => new StoreCurrency(file, kept, clock) };
  };

  it('counts a store of which nothing is known as outdated', () => {
    expect(
      world(24 * HOUR_MS)
        .open()
        .isOutdated('0_0', 'balances', 'changelog'),
    ).toBe(true);
  });

  it.each([
    ['the retention of the topic', 48 * HOUR_MS, 46, 48],
    ['a day where the topic does not say', undefined, 22, 24],
    ['a tenth less for a short retention', HOUR_MS, 0.8, 0.95],
  ])('trusts a store for %s', async (_name, keptMs, within, beyond) => {
    const { clock, open } = world(keptMs);
    const currency = open();
    currency.begins('0_0', 'balances');
    await clock.advance(within * HOUR_MS);
    expect(open().isOutdated('0_0', 'balances', 'changelog')).toBe(false);
    await clock.advance((beyond - within) * HOUR_MS);
    expect(open().isOutdated('0_0', 'balances', 'changelog')).toBe(true);
    currency.follows('0_0', 'balances', clock.now());
    currency.close();
    expect(open().isOutdated('0_0', 'balances', 'changelog')).toBe(false);
    expect(open().isOutdated('0_1', 'balances', 'changelog')).toBe(true);
  });

  it('does not trust a time in the future, which a fast clock noted, and replaces it', async () => {
    const { clock, open } = world(24 * HOUR_MS);
    const currency = open();
    currency.follows('0_0', 'balances', clock.now() + 5 * 24 * HOUR_MS);
    currency.close();
    expect(open().isOutdated('0_0', 'balances', 'changelog')).toBe(true);
    currency.follows('0_0', 'balances', clock.now());
    currency.close();
    expect(open().isOutdated('0_0', 'balances', 'changelog')).toBe(false);
    await clock.advance(24 * HOUR_MS);
    expect(open().isOutdated('0_0', 'balances', 'changelog')).toBe(true);
  });

  it('never goes back, and saves changes of one moment together', async () => {
    const { clock, saved, open } = world(HOUR_MS);
    const currency = open();
    await clock.advance(1000);
    for (let task = 0; task < 50; task++) currency.begins(`0_${task}`, 'balances');
    currency.follows('0_0', 'balances', 1);
    await clock.advance(1000);
    expect(saved).toHaveLength(1);
    expect(saved[0]!['0_0/balances']).toBe(saved[0]!['0_49/balances']);
  });
});
