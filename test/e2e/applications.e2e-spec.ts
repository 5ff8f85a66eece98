import { Controller, Get, Injectable } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, MessagePattern } from '@nestjs/microservices';
import {
  InjectReadOnlyStore,
  json,
  KeyValueStore,
  RecordProducer,
  SendTo,
  StateStore,
  StreamContext,
  StreamHandler,
  StreamProcessor,
  StreamsHost,
  StreamsServer,
  type OnTaskClose,
  type ReadOnlyStore,
} from 'nestjs-streams';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { committedRecords } from '../support/committed-records.js';
import { moduleOf, StreamsApps, type RootOptions } from './support/streams-app.js';

@StateStore({ name: 'counts', key: 'string', value: json<number>(), query: true })
class Counts extends KeyValueStore<string, number> {}

/** Holds the last hook of every task until the test lets go. */
@Injectable()
class Gate {
  closing = 0;
  handled = 0;
  isShut = false;
  open: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => (this.open = resolve));

  async pass(): Promise<void> {
    this.closing++;
    if (this.isShut) await this.opened;
  }
}

@StreamProcessor()
class Counter implements OnTaskClose {
  constructor(
    private readonly counts: Counts,
    private readonly gate: Gate,
  ) {}

  onTaskClose(): Promise<void> {
    return this.gate.pass();
  }

  @StreamHandler('in')
  @SendTo('out')
  async count(@Ctx() { key }: StreamContext): Promise<number> {
    const count = ((await this.counts.get(key as string)) ?? 0) + 1;
    this.counts.put(key as string, count);
    this.gate.handled++;
    return count;
  }
}

@Controller('counts')
class CountsController {
  constructor(@InjectReadOnlyStore(Counts) private readonly counts: ReadOnlyStore<string, number>) {}

  @Get()
  async a(): Promise<{ readonly a: number | null }> {
    return { a: (await this.counts.get('a')) ?? null };
  }
}

const topics = { in: 2, out: 1 };
const feature = { processors: [Counter], stores: [Counts], providers: [Gate] };

describe('an application with streams', () => {
  const apps = new StreamsApps();
  let lock = '';
  let options: RootOptions = {};
  beforeEach(() => {
    const stateDir = apps.folder();
    const embedded = {
      directory: join(apps.folder(), 'log'),
      topics: { in: { partitions: 2 }, out: { partitions: 1 } },
    };
    options = { stateDir, embedded, health: true };
    lock = join(stateDir, 'app', '.lock');
  });

  it.each(['fastify', 'express'] as const)(
    'answers queries on %s while it drains, and gives everything back when it is closed',
    async (adapter) => {
      const app = await apps.start({ options, feature, adapter, app: { controllers: [CountsController] } });
      await app.send('in', { key: 'a', value: 1 });
      await expect.poll(async () => (await app.fetch('/stores/counts/entries/a')).json).toBe(1);
      expect(existsSync(lock)).toBe(true);
      expect((await app.fetch('/health/ready')).status).toBe(200);

      const gate = app.get(Gate);
      gate.isShut = true;
      const closed = app.close();
      await expect.poll(() => gate.closing).toBe(1);
      expect((await app.fetch('/stores/counts/entries/a')).json).toBe(1);
      expect((await app.fetch('/counts')).json).toEqual({ a: 1 });
      expect((await app.fetch('/health/live')).status).toBe(200);
      expect((await app.fetch('/health/ready')).status).toBe(503);
      expect(existsSync(lock)).toBe(true);
      gate.open();
      await closed;
      expect(gate.closing).toBe(2);
      expect(app.host.state).toBe('stopped');
      expect(existsSync(lock)).toBe(false);
      await expect(app.fetch('/counts')).rejects.toThrow();
    },
  );

  it('commits what it handled before it stops, and handles it once', async () => {
    const app = await apps.start({
      options: { ...options, commitInterval: '1m', transactionTimeout: '2m' },
      feature,
    });
    for (let i = 0; i < 10; i++) await app.send('in', { key: 'a', value: i });
    await expect.poll(() => app.get(Gate).handled).toBe(10);
    expect(await app.records('out')).toEqual([]);
    await app.close();
    const again = await apps.start({ options, feature });
    await again.host.whenRunning();
    await again.send('in', { key: 'a', value: 10 });
    expect((await again.recordsOnce('out', 11)).map(({ value }) => Number(value))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ]);
  });

  it('runs without HTTP as a microservice', async () => {
    const module = moduleOf(apps.metadataOf({ options, feature }));
    const app = await NestFactory.createMicroservice(module, {
      strategy: new StreamsServer(),
      logger: false,
      abortOnError: false,
    });
    apps.onRelease(() => app.close());
    await app.listen();
    await app.get(RecordProducer).send('in', { key: 'a', value: 1 });
    const log = await app.get(StreamsHost).openLog();
    await expect.poll(async () => (await committedRecords(log, 'out')).map(({ value }) => value)).toEqual(['1']);
    await app.close();
    expect(app.get(StreamsHost).state).toBe('stopped');
    expect(existsSync(lock)).toBe(false);
  });

  it('says that StreamsServer delivers no messages, and can be closed then', async () => {
    @Controller()
    class Patterns {
      @MessagePattern('sum')
      sum(): number {
        return 0;
      }
    }
    const module = moduleOf({ ...apps.metadataOf({ options, feature }), controllers: [Patterns] });
    const app = await NestFactory.createMicroservice(module, {
      strategy: new StreamsServer(),
      logger: false,
      abortOnError: false,
    });
    apps.onRelease(() => app.close());
    await expect(app.listen()).rejects.toThrow(/StreamsServer delivers no message patterns, .* sum/);
    await app.close();
    expect(existsSync(lock)).toBe(false);
  });

  it('runs as a bare application context, and can look up read-only stores there', async () => {
    const module = moduleOf(apps.metadataOf({ options, feature }));
    const app = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
    apps.onRelease(() => app.close());
    const host = app.get(StreamsHost);
    await host.whenRunning();
    await app.get(RecordProducer).send('in', { key: 'a', value: 1 });
    await expect.poll(async () => (await committedRecords(await host.openLog(), 'out')).length).toBe(1);
    await app.close();
    expect(existsSync(lock)).toBe(false);
  });

  it('refuses peers without HTTP before anything runs', async () => {
    const peers = { secret: 'a secret of sixteen and more' };
    const metadata = apps.metadataOf({ options: { ...options, advertisedUrl: 'http://127.0.0.1:1', peers }, feature });
    const hosts: StreamsHost[] = [];
    @Injectable()
    class Witness {
      constructor(host: StreamsHost) {
        hosts.push(host);
      }
    }
    const module = moduleOf({ ...metadata, providers: [Witness] });
    const created = NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
    await expect(created).rejects.toThrow(/"peers" needs an HTTP application/);
    expect(hosts.map(({ state }) => state)).toEqual(['created']);
    expect(existsSync(lock)).toBe(false);
    const service = await NestFactory.createMicroservice(module, {
      strategy: new StreamsServer(),
      logger: false,
      abortOnError: false,
    });
    apps.onRelease(() => service.close());
    await expect(service.listen()).rejects.toThrow(/"peers" needs an HTTP application/);
    expect(hosts.map(({ state }) => state)).toEqual(['created', 'created']);
    expect(existsSync(lock)).toBe(false);
  });

  it('tells listeners of every state, also those that came before the start, until they leave', async () => {
    const nest = await apps.create(apps.metadataOf({ topics, feature }));
    const host = nest.get(StreamsHost);
    const seen: string[] = [];
    const leaving: string[] = [];
    host.onStateChange((state) => seen.push(state));
    const leave = host.onStateChange((state) => leaving.push(state));
    expect(host.state).toBe('created');
    expect(() => host.topology).toThrow(/before the application was initialised/);
    await nest.init();
    await host.whenRunning();
    leave();
    await nest.close();
    expect(leaving).toEqual(['starting', 'running']);
    expect(seen).toEqual([...leaving, 'stopping', 'stopped']);
  });
});
