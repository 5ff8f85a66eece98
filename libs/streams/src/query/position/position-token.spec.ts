import { describe, expect, it } from 'vitest';
import { PositionToken } from './position-token.js';

describe('a position token', () => {
  it('is read as it is written', () => {
    const text = 'balances:3:1200,transactions@3:77,a.b-c_d@0:0';
    const token = PositionToken.parse(text)!;
    expect(token.toString()).toBe(text);
    expect([token.store('balances', 3), token.topic('transactions', 3), token.topic('balances', 3)]).toEqual([
      1200,
      77,
      undefined,
    ]);
    expect([
      token.names({ store: 'balances' }),
      token.names({ topic: 'balances' }),
      token.names({ store: 'bal' }),
    ]).toEqual([true, false, false]);
  });

  it('merges with others by the greater offset', () => {
    const merged = PositionToken.merge(
      ['a:0:5,a:1:9', 'a:0:7', 'b@0:1,a:1:2'].map((text) => PositionToken.parse(text)!),
    );
    expect(merged.toString()).toBe('a:0:7,a:1:9,b@0:1');
    expect(PositionToken.merge([]).isEmpty).toBe(true);
  });

  it.each([
    '',
    'a',
    'a:0',
    'a:0:',
    'a:x:1',
    'a:0:-1',
    'a:0:1,',
    'a b:0:1',
    `a:0:${'9'.repeat(16)}`,
    'x'.repeat(20_000),
  ])('is not read from %j', (text) => expect(PositionToken.parse(text)).toBeUndefined());
});
