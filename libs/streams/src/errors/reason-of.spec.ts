import { describe, expect, it } from 'vitest';
import { reasonOf, stackOf } from './reason-of.js';

const SECRET = '4929123456781234';

function failure(text: string): Error {
  try {
    JSON.parse(text);
  } catch (error) {
    return error as Error;
  }
  throw new Error('It is JSON.');
}

describe('the reason of an error of JSON.parse', () => {
  it.each([
    `card ${SECRET}`,
    `{"card":"${SECRET}"} ${SECRET}`,
    `{"card":"${SECRET}","cvc":x}`,
    `{"card":"${SECRET}\n"}`,
    `{"card":"${SECRET}"`,
    `["at position ${SECRET}" in JSON at position ${SECRET}`,
    SECRET.repeat(40) + 'x',
    '',
  ])('quotes nothing of %j', (text) => {
    const error = failure(text);
    for (const told of [reasonOf(error), stackOf(error)!]) {
      expect(told).toMatch(/JSON/);
      for (const part of ['4929', 'card', 'cvc']) expect(told).not.toContain(part);
    }
    expect(stackOf(error)).toContain('reason-of.spec');
  });

  it('says the position where JSON.parse does', () => {
    expect(reasonOf(failure(`{"a":1 "b":2, "c":"${SECRET.repeat(20)}"}`))).toMatch(
      /^the text is not JSON at position \d+$/,
    );
  });

  it('leaves other messages as they are', () => {
    expect(reasonOf(new TypeError('No JSON today.'))).toBe('No JSON today.');
    expect(reasonOf('thrown text')).toBe('thrown text');
  });
});
