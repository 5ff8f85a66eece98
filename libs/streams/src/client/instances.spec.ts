import { describe, expect, it } from 'vitest';
import { Instances } from './instances.js';

describe('the instances of a client', () => {
  it('keep requests at one instance, and set one that fails aside for longer each time', () => {
    const instances = new Instances(['http://a/', 'http://b']);
    expect(instances.next(0)).toBe('http://a');
    let now = 0;
    for (const asideMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
      instances.failed('http://a', now);
      expect(instances.next(now + asideMs - 1)).toBe('http://b');
      instances.turnFrom('http://b');
      expect(instances.next(now + asideMs - 1)).toBe('http://b');
      expect(instances.next(now + asideMs)).toBe('http://a');
      now += asideMs;
    }
    instances.answered('http://a');
    expect(instances.next(now)).toBe('http://a');
    instances.failed('http://a', now);
    instances.turnFrom('http://b');
    expect(instances.next(now + 1000)).toBe('http://a');
  });

  it('count failures of requests that were under way together once, and do not turn back for them', () => {
    const instances = new Instances(['http://a', 'http://b', 'http://c']);
    for (let i = 0; i < 10; i++) instances.failed('http://a', i);
    expect(instances.next(10)).toBe('http://b');
    instances.failed('http://b', 10);
    instances.failed('http://c', 10);
    expect(instances.next(10)).toBe('http://a');
    expect(instances.next(1000)).toBe('http://a');
  });

  it('are left alone for as long as their Retry-After says, while another one answers', () => {
    const instances = new Instances(['http://a', 'http://b']);
    instances.failed('http://a', 0, 30_000);
    expect([instances.next(29_999), instances.quietMs(29_999)]).toEqual(['http://b', 0]);
    instances.failed('http://b', 0, 40_000);
    expect([instances.next(10_000), instances.quietMs(10_000)]).toEqual(['http://a', 20_000]);
    expect(instances.quietMs(30_000)).toBe(0);
  });

  it('without another one are asked although they are set aside', () => {
    const instances = new Instances(['http://a']);
    instances.failed('http://a', 0);
    expect([instances.next(1), instances.quietMs(1)]).toEqual(['http://a', 0]);
  });
});
