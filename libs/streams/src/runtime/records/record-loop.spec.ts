import { describe, expect, it } from 'vitest';
import { delay } from '../../time/clock.js';
import { ManualClock } from '../../testing/manual-clock.js';
import type { ProcessorContext } from '../../topology/processor.js';
import { LogError } from '../../errors/log-error.js';
import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import type { OutputPort } from './output.js';
import { SourceQueue } from './source-queue.js';
import { chunkOf, LIMITS, portOf, world, type Handler } from './testing/record-loop-world.js';

describe('the loop over the records of a task', () => {
  it('takes the oldest record of several topics first', async () => {
    const seen: unknown[] = [];
    const { loop, queues, scope } = world({ a: [1, 4, 5], b: [2, 3, 6] }, ({ value }) => void seen.push(value));
    await loop.run(Infinity);
    expect(seen).toEqual(['a@1', 'b@2', 'b@3', 'a@4', 'a@5', 'b@6']);
    expect(queues.map(({ position }) => position)).toEqual([3, 3]);
    expect(scope.streamTime).toBe(6);
  });

  it('calls a synchronous handler for record after record without a turn of the event loop between', () => {
    const seen: unknown[] = [];
    const { loop } = world({ a: [1, 2, 3] }, ({ value }) => void seen.push(value));
    void loop.run(Infinity);
    expect(seen).toEqual(['a@1', 'a@2', 'a@3']);
  });

  it('awaits an asynchronous handler before the next record', async () => {
    const seen: string[] = [];
    const { loop } = world({ a: [1, 2] }, async ({ value }) => {
      seen.push(`begin ${String(value)}`);
      await Promise.resolve();
      seen.push(`end ${String(value)}`);
    });
    await loop.run(Infinity);
    expect(seen).toEqual(['begin a@1', 'end a@1', 'begin a@2', 'end a@2']);
  });

  it('finishes what a record forwards before it takes the next', async () => {
    const seen: unknown[] = [];
    const { loop } = world(
      { a: [1, 2] },
      (context) => {
        seen.push(context.value);
        context.forward(`first of ${String(context.value)}`, { key: 'own', timestamp: 9 });
        return `second of ${String(context.value)}`;
      },
      ({ key: own, value, timestamp }) => void seen.push(`${String(own)}: ${String(value)} at ${timestamp}`),
    );
    await loop.run(Infinity);
    expect(seen).toEqual([
      'a@1',
      'own: first of a@1 at 9',
      'k0: second of a@1 at 1',
      'a@2',
      'own: first of a@2 at 9',
      'k1: second of a@2 at 2',
    ]);
  });

  it.each<[string, Handler]>([
    ['synchronous', () => undefined],
    ['asynchronous', () => Promise.resolve()],
  ])('ends its slice between two records once its time is up, with a handler that is %s', async (_, handle) => {
    const all = Array.from({ length: 100 }, (_, i) => i);
    const { loop, queues, clock } = world({ a: all }, handle);
    const startedAt = clock.monotonic();
    await loop.run(startedAt - 1);
    expect(queues[0]!.position).toBeGreaterThan(0);
    expect(queues[0]!.position).toBeLessThan(100);
    await loop.run(Infinity);
    expect(queues[0]!.position).toBe(100);
  });

  it('ends its slice after the record whose handler took longer than the slice', async () => {
    const { loop, queues, clock } = world({ a: [1, 2, 3] }, () => clock.advance(10));
    await loop.run(clock.monotonic() + 5);
    expect(queues[0]!.position).toBe(1);
  });

  it('leaves a record that fails to its policy, and goes on', async () => {
    const seen: unknown[] = [];
    const { loop, queues, failures } = world({ a: [1, 2, 3] }, ({ value }) => {
      if (value === 'a@2') throw new Error('no');
      seen.push(value);
    });
    await loop.run(Infinity);
    expect(seen).toEqual(['a@1', 'a@3']);
    expect(failures).toEqual([new Error('no')]);
    expect(queues[0]!.position).toBe(3);
  });

  it.each([
    new LogError('retriable', 'LOG_TIMEOUT', 'A producer of its own has no answer.'),
    new LogError('fenced', 'LOG_PRODUCER_FENCED', 'A producer of its own was fenced.'),
    new StoreCorruptedError('balances', '0_0', 'the handler says so'),
  ])('leaves a record to its policy whose handler throws an error of its own of the class $name', async (own) => {
    const { loop, queues, failures } = world({ a: [1, 2] }, async ({ value }) => {
      await Promise.resolve();
      if (value === 'a@1') throw own;
    });
    await loop.run(Infinity);
    expect(failures).toEqual([own]);
    expect(queues[0]!.position).toBe(2);
  });

  it.each<[string, (error: unknown) => unknown]>([
    ['passes it on', (error) => error],
    ['names it as the cause', (cause) => new Error('Not today.', { cause })],
    ['replaces it', () => new Error('Not today.')],
  ])('asks no policy where the producer of the instance fails, if the handler %s', async (_, replace) => {
    const fenced = new LogError('fenced', 'LOG_PRODUCER_FENCED', 'Another producer took over.');
    const append = (): never => {
      throw fenced;
    };
    const { loop, failures, output } = world(
      { a: [1] },
      () => {
        try {
          output.append('out', 0, null, null, 1, undefined);
        } catch (error) {
          throw replace(error);
        }
      },
      undefined,
      { append },
    );
    await expect(loop.run(Infinity)).rejects.toBe(fenced);
    expect(failures).toEqual([]);
  });

  it('asks no policy where an engine is damaged', async () => {
    const damaged = new StoreCorruptedError('balances', '0_0', 'its checksum is wrong');
    const { loop, failures, origins } = world({ a: [1] }, () => {
      throw new Error('The balance cannot be read.', { cause: origins.fromRuntime(damaged) });
    });
    await expect(loop.run(Infinity)).rejects.toBe(damaged);
    expect(failures).toEqual([]);
  });

  it.each([
    ['swallows it', () => undefined],
    [
      'replaces it without naming a cause',
      () => {
        throw new Error('No balance today.');
      },
    ],
  ])('lets no record end where an engine failed, even if the handler %s', async (_, goOn) => {
    const damaged = new StoreCorruptedError('balances', '0_0', 'its checksum is wrong');
    const { loop, failures, queues, engineFailure } = world({ a: [1, 2] }, async () => {
      await Promise.reject(damaged).catch((error: unknown) => engineFailure.met(error));
      goOn();
    });
    await expect(loop.run(Infinity)).rejects.toBe(damaged);
    expect(failures).toEqual([]);
    expect(queues[0]!.position).toBe(0);
  });

  it('does not drop the work of others because another task sent something while a handler failed', async () => {
    const port = portOf({ append: () => true });
    const send = (): void => other.output.append('out', 0, null, null, 1, undefined);
    const other = world({ b: [1] }, send, undefined, {}, port);
    const failing = async (): Promise<never> => {
      await other.loop.run(Infinity);
      throw new Error('no');
    };
    const { loop, failures } = world({ a: [1] }, failing, undefined, {}, port);
    await loop.run(Infinity);
    expect(other.output.appended).toBe(1);
    expect(failures).toEqual([new Error('no')]);
  });

  it.each(['forward', 'requestCommit'] as const)('refuses a late %s, and names the handler', async (call) => {
    let context: ProcessorContext | undefined;
    const { loop, scope } = world({ a: [1] }, (given) => void (context = given));
    await loop.run(Infinity);
    expect(() => context![call]('late')).toThrow(
      /^Refused .* by parent of task 0_0: .* The last handler there was parent\. Await/,
    );
    expect([scope.forwarded.size, scope.isCommitRequested]).toEqual([0, false]);
  });

  it('refuses a late forward during the turn of another handler', async () => {
    const errors: unknown[] = [];
    let parent: ProcessorContext | undefined;
    const { loop } = world(
      { a: [1] },
      (context) => {
        parent = context;
        context.forward('in time');
      },
      () => {
        try {
          parent!.forward('late');
        } catch (error) {
          errors.push(error);
        }
      },
    );
    await loop.run(Infinity);
    expect(errors).toMatchObject([{ code: 'STREAMS_LATE_WORK', operation: 'forward by parent' }]);
  });

  it('refuses what a handler does after it has failed', async () => {
    let context: ProcessorContext | undefined;
    const { loop, failures } = world({ a: [1] }, (given) => {
      context = given;
      throw new Error('no');
    });
    await loop.run(Infinity);
    expect(failures).toHaveLength(1);
    expect(() => context!.forward('late')).toThrow('Refused forward');
  });

  it('lets hooks forward, until they have ended', async () => {
    let context: ProcessorContext | undefined;
    const seen: unknown[] = [];
    const { loop } = world(
      { a: [1] },
      (given) => void (context = given),
      ({ value }) => void seen.push(value),
    );
    await loop.run(Infinity);
    loop.beginHook();
    context!.forward('from a hook');
    await loop.drainForwarded();
    loop.endHook();
    expect(seen).toEqual(['from a hook']);
    expect(() => context!.forward('late')).toThrow('Refused forward');
  });

  it('goes on behind a gap once it has handled what waits before it, and has that to commit', async () => {
    const { loop, queues } = world({ a: [1, 2, 3] }, () => undefined);
    const [queue] = queues as [SourceQueue];
    queue.skipTo(10);
    expect(queue.position).toBe(0);
    await loop.run(Infinity);
    expect([queue.position, queue.committed, loop.hasProgress]).toEqual([10, 0, true]);
    queue.commit(10);
    queue.skipTo(20);
    expect([queue.position, queue.committed, loop.hasProgress]).toEqual([20, 10, true]);
  });

  describe('with slow handlers', () => {
    const bounded = (handle: Handler) =>
      world({ a: [1, 2] }, handle, undefined, {}, portOf({}), { ...LIMITS, handlerTimeoutMs: 500 });
    const block = (clock: ManualClock, ms: number): void => {
      const monotonic = clock.monotonic.bind(clock);
      clock.monotonic = () => monotonic() + ms;
    };

    it('gives a record up whose handler takes longer than its limit, and refuses for good what that still does', async () => {
      let context: ProcessorContext | undefined;
      const { loop, clock, scope, queues } = bounded((given) => {
        context = given;
        return new Promise(() => undefined);
      });
      const run = loop.run(Infinity).catch((error: unknown) => error);
      await clock.advance(500);
      const failure = {
        offset: 0,
        handler: 'parent',
        error: { code: 'STREAMS_HANDLER_TIMEOUT', limit: 'handlerTimeout' },
      };
      expect(await run).toMatchObject({ name: 'HalfDoneRecordError', failure });
      expect(loop.watch.hasLateHandler).toBe(true);
      expect([...queues[0]!.rejected.keys()]).toEqual([0]);
      expect(() => context!.forward('late')).toThrow('parent took longer than the option "handlerTimeout"');
      expect(scope.forwarded.size).toBe(0);
    });

    it('leaves handlers alone that end in time', async () => {
      const { loop, clock, queues } = bounded(() => delay(clock, 400));
      await clock.run(loop.run(Infinity));
      expect([queues[0]!.position, queues[0]!.rejected.size, loop.watch.hasLateHandler]).toEqual([2, 0, false]);
    });

    it('tells how long the handler that runs has taken', async () => {
      const { loop, clock } = world({ a: [1] }, () => delay(clock, 400));
      const run = loop.run(Infinity);
      await clock.advance(300);
      expect(loop.watch.underWay).toMatchObject({ handler: 'parent', topic: 'a', offset: 0, tookMs: 300 });
      await clock.run(run);
      expect(loop.watch.underWay).toBeUndefined();
    });

    it('names the record whose handler outlasts a transaction each time its work is discarded', async () => {
      const { loop, clock, queues, slowRecords, warnings } = world({ a: [1, 2] }, ({ offset }) =>
        offset === 1 ? delay(clock, 12_000) : undefined,
      );
      await clock.run(loop.run(Infinity));
      expect(slowRecords.discarded([{ id: '0_0', records: loop }])).toBe(true);
      expect(warnings).toEqual([
        expect.stringMatching(/^parent took 12000 ms for the record at offset 1 of "a" .* after 10000 ms/),
      ]);
      expect(queues[0]!.rejected.size).toBe(0);
    });

    it.each([
      [10_000, /^parent blocked the event loop for 11000 ms with the record at offset 60 of "a"/],
      [45_000, /^parent took 11000 ms for the record at offset 60 of "a" .* after 10000 ms/],
    ])(
      'finds the record that blocks the event loop, with a session time-out of %d ms',
      async (sessionTimeoutMs, text) => {
        const all = Array.from({ length: 100 }, (_, i) => i);
        const handle: Handler = ({ offset }) => {
          if (offset === 60) block(clock, 11_000);
        };
        const limits = { ...LIMITS, sessionTimeoutMs };
        const { loop, clock, queues, slowRecords, warnings } = world(
          { a: all },
          handle,
          undefined,
          {},
          portOf({}),
          limits,
        );
        await loop.run(Infinity);
        expect(slowRecords.discarded([{ id: '0_0', records: loop }])).toBe(false);
        queues[0]!.reset(0);
        queues[0]!.push(chunkOf('a', all));
        await loop.run(Infinity);
        expect(slowRecords.discarded([{ id: '0_0', records: loop }])).toBe(true);
        expect(warnings).toEqual([expect.stringMatching(text)]);
      },
    );

    it.each([
      ['handles its next record', (port: OutputPort) => void (port.isFull = false)],
      ['waits for the producer', (port: OutputPort) => void (port.isFull = true)],
    ])('does not blame a handler that waits while another task blocks the event loop and %s', async (_, then) => {
      let answer = (): void => undefined;
      const port = portOf({ drain: async () => undefined });
      const waiting = world({ a: [1] }, () => new Promise<void>((resolve) => (answer = resolve)));
      const handle: Handler = () => {
        answer();
        block(waiting.clock, 12_000);
        then(port);
      };
      const blocking = world({ b: [1] }, handle, undefined, {}, port, LIMITS, waiting);
      await Promise.all([waiting.loop.run(Infinity), blocking.loop.run(Infinity)]);
      const queues = [...waiting.queues, ...blocking.queues];
      waiting.slowRecords.discarded([{ id: '0_0', records: { queues } }]);
      expect(waiting.warnings.filter((text) => text.includes('"a"'))).toEqual([]);
    });

    it('ends its slice in time although its handlers compute for long', async () => {
      const all = Array.from({ length: 100 }, (_, i) => i);
      const { loop, clock, queues } = world({ a: all }, () => block(clock, 10));
      for (const _ of [1, 2]) await loop.run(clock.monotonic() + 5);
      expect(queues[0]!.position).toBe(2);
    });
  });
});
