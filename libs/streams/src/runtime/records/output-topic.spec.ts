import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { OutputTopic } from './output-topic.js';
import { NO_LIMITS } from './topic-limits.js';

const HOUR_MS = 3_600_000;
const REASON = 'The broker refused it.';

function world() {
  const clock = new ManualClock();
  const topic = new OutputTopic('out', NO_LIMITS, 'none', clock);
  const objection = (timestamp: number): string | undefined => topic.objection(null, null, timestamp, undefined);
  return { clock, topic, objection };
}

describe('an output topic', () => {
  it.each([-30 * 24, -2, 2, 30 * 24])('takes a timestamp %s hours from the clock of this machine', (hours) => {
    const { clock, objection } = world();
    expect(objection(clock.now() + hours * HOUR_MS)).toBeUndefined();
  });

  it('refuses the timestamps that the broker refused, and no others, until it asks again', async () => {
    const { clock, topic, objection } = world();
    expect(topic.refuseTimes([5, 7], REASON)).toBe(true);
    topic.reconsider();
    expect([5, 6, 7, 8].map(objection)).toEqual([REASON, undefined, REASON, undefined]);
    await clock.advance(1000);
    topic.reconsider();
    expect([5, 7].map(objection)).toEqual([undefined, undefined]);
  });

  it('refuses what is further ahead than what the broker refused, as handlers take the time of now', () => {
    const { clock, topic, objection } = world();
    const ahead = clock.now() + 2 * HOUR_MS;
    topic.refuseTimes([ahead], REASON);
    expect([ahead - 1, ahead, ahead + 1].map(objection)).toEqual([undefined, REASON, REASON]);
  });

  it('does no work again if the broker names no record', () => {
    const { topic } = world();
    expect(topic.refuseTimes([], REASON)).toBe(false);
  });

  it('gives up on handlers that make new timestamps each time', () => {
    const { topic } = world();
    const answers = Array.from({ length: 101 }, (_, i) => topic.refuseTimes([i], REASON));
    expect(answers.slice(0, 100)).not.toContain(false);
    expect(answers[100]).toBe(false);
  });
});
