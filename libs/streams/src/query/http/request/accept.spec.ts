import { describe, expect, it } from 'vitest';
import { weightOf } from './accept.js';

describe('what Accept says of a media type', () => {
  it.each([
    ['application/json', 1],
    ['APPLICATION/JSON ; Q=0.25', 0.25],
    ['application/json;charset=utf-8;q=0.1', 0.1],
    ['application/json;q=0', 0],
    ['application/json;q=0.', 0],
    ['application/json;q=1.000', 1],
    ['application/json;q=0.2, application/json;q=0.8', 0.8],
    ['*/*;q=0.1, application/*;q=0.2, text/html', 0.2],
    ['application/json;q=0.3, */*, application/*', 0.3],
    ['*/*;q=0.4, application/json;q=0', 0],
    ['application/json;q=2', 1],
    ['application/json;q=', 1],
    ['text/*, application/jsonx', undefined],
    ['', undefined],
  ])('reads %j as %s', (accept, weight) => {
    expect(weightOf(accept, 'application/json')).toBe(weight);
  });
});
