import { describe, expect, it } from 'vitest';
import { LogError } from '../errors/log-error.js';
import { silentLogger } from '../observability/streams-logger.js';
import { ManualClock } from '../testing/manual-clock.js';
import { untilAnswered } from './retry.js';

describe('a wait for a log that does not answer', () => {
  const world = () => {
    const clock = new ManualClock();
    const warnings: string[] = [];
    const waiting = { clock, logger: { ...silentLogger, warn: (text: string) => void warnings.push(text) } };
    return { clock, warnings, waiting };
  };

  it('says what it waits for and why, with growing pauses, until it is answered', async () => {
    const { clock, warnings, waiting } = world();
    let isBack = false;
    const answered = untilAnswered(waiting, new AbortController().signal, 'tell the time', async () => {
      if (!isBack) throw new LogError('retriable', 'LOG_CONNECTION', 'Broker 1 is away.');
      return 'noon';
    });
    await clock.advance(29_000);
    expect(warnings).toEqual([]);
    await clock.advance(1000);
    expect(warnings).toEqual([
      'Waiting for Kafka to tell the time for 30 s. The call is repeated until it succeeds. Last reason: Broker 1 is away.',
    ]);
    await clock.advance(59_000);
    expect(warnings).toHaveLength(1);
    await clock.advance(1000);
    expect(warnings).toHaveLength(2);
    isBack = true;
    expect(await clock.run(answered)).toBe('noon');
    expect(clock.pendingTimers).toBe(0);
  });

  it('warns as well where the call itself has no answer, and ends with its signal', async () => {
    const { clock, warnings, waiting } = world();
    const stop = new AbortController();
    const answered = untilAnswered(waiting, stop.signal, 'tell the time', () => new Promise(() => undefined));
    await clock.advance(30_000);
    expect(warnings).toEqual([expect.stringContaining('The brokers have not answered yet.')]);
    stop.abort(new Error('stopped'));
    await expect(answered).rejects.toThrow('stopped');
    expect(clock.pendingTimers).toBe(0);
  });
});
