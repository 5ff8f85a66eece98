import { Payload } from '@nestjs/microservices';
import {
  json,
  KeyValueStore,
  StateStore,
  StreamHandler,
  StreamProcessor,
  type PauseScope,
  type StreamsFeature,
} from 'nestjs-streams';
import { afterEach, describe, expect, it } from 'vitest';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { latest, model, produce, storeContent, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';
import { StreamsApps, type StreamsApp } from './support/streams-app.js';

const before = transactions(200, 40);
const during = transactions(200, 40, 200);
const after = transactions(200, 40, 400);
const PARTITIONS = 4;

describe.each(['exactly_once', 'at_least_once'] as const)('a pause (%s)', (processingGuarantee) => {
  const banks: EmbeddedBank[] = [];
  afterEach(async () => {
    for (const bank of banks.splice(0)) await bank.close();
  });
  const open = async (): Promise<EmbeddedBank> => {
    const bank = await EmbeddedBank.open(PARTITIONS);
    banks.push(bank);
    return bank;
  };
  const group = { sessionTimeout: 1000, heartbeatInterval: 100 };
  const options = { engine: 'memory', processingGuarantee, commitInterval: 20, group } as const;
  const lagOf = (instance: StreamsInstance): number => instance.sourceLag().reduce((sum, { lag }) => sum + lag, 0);
  const whenPaused = (instance: StreamsInstance, records: number): Promise<void> =>
    expect.poll(() => lagOf(instance), { timeout: 10_000 }).toBe(records);
  const content = (...instances: StreamsInstance[]): Promise<Map<string, unknown>> =>
    Promise.all(instances.map((each) => storeContent(each))).then((all) => new Map(all.flatMap((each) => [...each])));

  it('holds all records back and shows their lag, keeps its group, and loses nothing', async () => {
    const bank = await open();
    const instance = await bank.start(options);
    await produce(bank.log, bank.topics.input, PARTITIONS, before);
    await expect.poll(() => content(instance)).toEqual(model(before));
    await instance.pause();
    await produce(bank.log, bank.topics.input, PARTITIONS, during);
    await whenPaused(instance, during.length);
    expect(instance.tasks().map(({ state, pausedTopics }) => [state, pausedTopics])).toEqual(
      Array.from({ length: PARTITIONS }, () => ['running', [bank.topics.input]]),
    );
    expect(await content(instance)).toEqual(model(before));
    expect(instance.pauses()).toEqual(['instance']);
    await instance.resume();
    await expect.poll(() => content(instance)).toEqual(model([...before, ...during]));
    expect(instance.pauses()).toEqual([]);
    const outputs = await committedRecords(bank.log, bank.topics.output);
    expect(outputs).toHaveLength(before.length + during.length);
  });

  it('of one task leaves the others alone', async () => {
    const bank = await open();
    const instance = await bank.start(options);
    await instance.pause({ task: '0_1' });
    await produce(bank.log, bank.topics.input, PARTITIONS, before);
    const held = (await committedRecords(bank.log, bank.topics.input)).filter(({ partition }) => partition === 1);
    await whenPaused(instance, held.length);
    const rest = (await committedRecords(bank.log, bank.topics.input)).filter(({ partition }) => partition !== 1);
    expect((await content(instance)).size).toBe(new Set(rest.map(({ key }) => key)).size);
    await instance.resume({ task: '0_1' });
    await expect.poll(() => content(instance)).toEqual(model(before));
  });

  it('is kept over a restart, also one that follows a crash, and can be set before the start', async () => {
    const bank = await open();
    const first = bank.doomed(options);
    await first.instance.pause({ task: '0_2' });
    await first.instance.start();
    await first.instance.whenRunning();
    await first.instance.pause();
    first.halt();
    await produce(bank.log, bank.topics.input, PARTITIONS, before);
    const second = await bank.start({ ...options, stateDir: first.stateDir });
    expect(second.pauses()).toEqual(['instance', { task: '0_2' }]);
    await whenPaused(second, before.length);
    await second.resume({ task: '0_2' });
    await second.resume();
    await expect.poll(() => content(second), { timeout: 10_000 }).toEqual(model(before));
    await second.close();
    const third = await bank.start({ ...options, stateDir: first.stateDir });
    expect(third.pauses()).toEqual([]);
  });

  it('belongs to its instance: a task that moves is processed where it goes', async () => {
    const bank = await open();
    const paused = await bank.start(options);
    await paused.pause();
    await produce(bank.log, bank.topics.input, PARTITIONS, before);
    await whenPaused(paused, before.length);
    const other = await bank.start(options);
    await expect.poll(() => other.tasks().length, { timeout: 20_000 }).toBe(PARTITIONS / 2);
    await expect.poll(() => lagOf(other)).toBe(0);
    await paused.close();
    await expect.poll(() => content(other), { timeout: 20_000 }).toEqual(model(before));
    await produce(bank.log, bank.topics.input, PARTITIONS, [...during, ...after]);
    await expect.poll(() => content(other), { timeout: 20_000 }).toEqual(model([...before, ...during, ...after]));
    expect(latest(await committedRecords(bank.log, bank.changelog))).toEqual(model([...before, ...during, ...after]));
  });

  it('of a task that only has a copy here holds once the task comes', async () => {
    const bank = await open();
    const other = await bank.start(options);
    const heir = await bank.start(options);
    await expect.poll(() => heir.standbys().length, { timeout: 20_000 }).toBe(PARTITIONS / 2);
    const { taskId, partition } = heir.standbys()[0]!;
    await heir.pause({ task: taskId });
    await other.close();
    await expect.poll(() => heir.tasks().length, { timeout: 20_000 }).toBe(PARTITIONS);
    await produce(bank.log, bank.topics.input, PARTITIONS, before);
    const held = (await committedRecords(bank.log, bank.topics.input)).filter((each) => each.partition === partition);
    await whenPaused(heir, held.length);
    await heir.resume({ task: taskId });
    await expect.poll(() => content(heir)).toEqual(model(before));
  });

  it('of what does not exist is refused, with what there is', async () => {
    const bank = await open();
    const instance = await bank.start(options);
    await expect(instance.pause({ processor: 'aply' })).rejects.toThrow(/processor "aply".*There are: apply/s);
    await expect(instance.resume({ task: '7_0' })).rejects.toMatchObject({ code: 'STREAMS_PAUSE_SCOPE' });
    expect(instance.pauses()).toEqual([]);
  });
});

@StateStore({ name: 'counts', key: 'string', value: json<number>(), query: true })
class Counts extends KeyValueStore<string, number> {}

class Counting {
  constructor(private readonly counts: Counts) {}

  protected async add(name: string): Promise<void> {
    this.counts.put(name, ((await this.counts.get(name)) ?? 0) + 1);
  }
}

@StreamProcessor()
class Orders extends Counting {
  constructor(counts: Counts) {
    super(counts);
  }

  @StreamHandler('orders', { key: 'string', value: json<string>() })
  count(@Payload() name: string): Promise<void> {
    return this.add(name);
  }
}

@StreamProcessor()
class Returns extends Counting {
  constructor(counts: Counts) {
    super(counts);
  }

  @StreamHandler('returns', { key: 'string', value: json<string>() })
  count(@Payload() name: string): Promise<void> {
    return this.add(name);
  }
}

describe('a pause of a processor', () => {
  const apps = new StreamsApps();
  const feature: StreamsFeature = { processors: [Orders, Returns], stores: [Counts] };
  const valueOf = async (app: StreamsApp, name: string): Promise<unknown> =>
    (await app.fetch(`/stores/counts/entries/${name}`)).json;

  it.each([
    ['its class', { processor: Orders }],
    ['its name', { processor: 'Orders.count' } satisfies PauseScope],
  ])('given by %s lets another one of the same task go on, and queries answer', async (_, scope) => {
    const app = await apps.start({ topics: { orders: 1, returns: 1 }, feature, options: { health: true } });
    await app.host.whenRunning();
    await app.host.pause(scope);
    await app.send('orders', { key: 'k', value: 'order' });
    await app.send('returns', { key: 'k', value: 'return' });
    await expect.poll(() => valueOf(app, 'return')).toBe(1);
    expect((await app.fetch('/stores/counts/entries/order')).status).toBe(404);
    const { status, json: health } = await app.fetch('/health/ready');
    expect([status, health]).toMatchObject([
      200,
      { details: { streams: { paused: [typeof scope.processor === 'string' ? 'Orders.count' : 'Orders'] } } },
    ]);
    await app.host.resume(scope);
    await expect.poll(() => valueOf(app, 'order')).toBe(1);
  });
});
