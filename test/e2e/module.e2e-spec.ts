import { Controller, Get, Inject, Injectable, Module } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import {
  InjectReadOnlyStore,
  json,
  KeyValueStore,
  RecordProducer,
  SendTo,
  StateStore,
  StreamHandler,
  StreamProcessor,
  StreamsModule,
  StreamContext,
  type OnTaskInit,
  type ReadOnlyStore,
  type StreamsModuleOptions,
  type TaskContext,
} from 'nestjs-streams';
import { describe, expect, it } from 'vitest';
import { StreamsApps } from './support/streams-app.js';

@StateStore({ name: 'counts', key: 'string', value: json<number>(), query: true })
class Counts extends KeyValueStore<string, number> {}

/** What the test looks at afterwards; a singleton. */
@Injectable()
class Journal {
  static instances = 0;
  readonly made: { readonly task: string; readonly processor: object; readonly stores: readonly object[] }[] = [];
  constructor() {
    Journal.instances++;
  }
}

@Injectable()
class Ledger {
  constructor(readonly counts: Counts) {}
}

@Injectable()
class Audit {
  constructor(
    readonly ledger: Ledger,
    @Inject(Counts) readonly counts: Counts,
  ) {}
}

@StreamProcessor()
class Counter implements OnTaskInit {
  constructor(
    private readonly counts: Counts,
    private readonly ledger: Ledger,
    private readonly audit: Audit,
    private readonly journal: Journal,
  ) {}

  onTaskInit({ taskId }: TaskContext): void {
    const stores = [this.counts, this.ledger.counts, this.audit.counts, this.audit.ledger.counts];
    this.journal.made.push({ task: taskId, processor: this, stores });
  }

  @StreamHandler('in')
  @SendTo('out')
  async count(@Ctx() { key }: StreamContext): Promise<number> {
    const count = ((await this.counts.get(key as string)) ?? 0) + 1;
    this.counts.put(key as string, count);
    return count;
  }
}

@StreamProcessor()
class Doubler implements OnTaskInit {
  static readonly instances: object[] = [];
  readonly tasks: string[] = [];
  constructor() {
    Doubler.instances.push(this);
  }

  onTaskInit({ taskId }: TaskContext): void {
    this.tasks.push(taskId);
  }

  @StreamHandler('in')
  @SendTo('doubled')
  double(@Payload() value: number): number {
    return 2 * value;
  }
}

const topics = { in: 3, out: 1, doubled: 1 };
const feature = { processors: [Counter], stores: [Counts], providers: [Ledger, Audit, Journal] };

describe('StreamsModule', () => {
  const apps = new StreamsApps();

  describe('forRoot and forFeature', () => {
    it('make one processor and one store per task, which everything in the task shares, beside singletons', async () => {
      const before = Journal.instances;
      const app = await apps.start({ topics, feature });
      await app.host.whenRunning();
      expect(Journal.instances - before).toBe(1);
      const { made } = app.get(Journal);
      expect(made.map(({ task }) => task).sort()).toEqual(['0_0', '0_1', '0_2']);
      expect(new Set(made.map(({ processor }) => processor)).size).toBe(3);
      for (const { stores } of made) expect(new Set(stores).size).toBe(1);
      expect(new Set(made.flatMap(({ stores }) => stores)).size).toBe(3);
      expect(made[0]!.stores[0]).toBeInstanceOf(Counts);
    });

    it('make a processor without stores once for all tasks', async () => {
      Doubler.instances.length = 0;
      const app = await apps.start({ topics, feature: { processors: [Doubler] } });
      for (const [key, value] of [
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ] as const)
        await app.send('in', { key, value });
      expect((await app.recordsOnce('doubled', 3)).map(({ value }) => Number(value)).sort()).toEqual([2, 4, 6]);
      expect(Doubler.instances).toHaveLength(1);
      expect(app.get(Doubler).tasks.sort()).toEqual(['0_0', '0_1', '0_2']);
    });

    it('share what is made for a task among its processors, and their handlers', async () => {
      const seen: { readonly task: string; readonly by: object; readonly ledger: Ledger }[] = [];
      @StreamProcessor()
      class First implements OnTaskInit {
        constructor(readonly ledger: Ledger) {}

        onTaskInit({ taskId }: TaskContext): void {
          seen.push({ task: taskId, by: this, ledger: this.ledger });
        }

        @StreamHandler('in')
        @SendTo('out')
        one(): boolean {
          return seen.some(({ by }) => by === this);
        }

        @StreamHandler('in')
        @SendTo('out')
        two(): boolean {
          return seen.some(({ by }) => by === this);
        }
      }
      @StreamProcessor()
      class Second extends First {}
      const app = await apps.start({
        topics,
        feature: { processors: [First, Second], stores: [Counts], providers: [Ledger] },
      });
      await app.send('in', { key: 'k', value: 0 });
      expect((await app.recordsOnce('out', 4)).map(({ value }) => value)).toEqual(Array(4).fill('true'));
      expect(seen).toHaveLength(6);
      expect(new Set(seen.map(({ by }) => by)).size).toBe(6);
      expect(new Set(seen.map(({ ledger }) => ledger)).size).toBe(3);
      for (const task of ['0_0', '0_1', '0_2'])
        expect(new Set(seen.filter((each) => each.task === task).map(({ ledger }) => ledger)).size).toBe(1);
    });

    it('let two features share the class of a store, which is then one store', async () => {
      @StreamProcessor()
      class Resetter {
        constructor(private readonly counts: Counts) {}

        @StreamHandler('reset')
        reset(@Ctx() { key }: StreamContext): void {
          this.counts.put(key as string, 100);
        }
      }
      const app = await apps.start({
        topics: { ...topics, reset: 3 },
        feature,
        app: { imports: [StreamsModule.forFeature({ processors: [Resetter], stores: [Counts] })] },
      });
      expect(app.host.topology.stores.map(({ name }) => name)).toEqual(['counts']);
      await app.send('reset', { key: 'k', value: null });
      await expect.poll(async () => (await app.fetch('/stores/counts/entries/k')).json).toBe(100);
      await app.send('in', { key: 'k', value: 0 });
      await expect.poll(async () => (await app.fetch('/stores/counts/entries/k')).json).toBe(101);
    });

    it('give processors what imported modules export', async () => {
      class Greeting {
        readonly text = 'hello';
      }
      @Module({ providers: [Greeting], exports: [Greeting] })
      class GreetingModule {}
      @StreamProcessor()
      class Greeter {
        constructor(private readonly greeting: Greeting) {}

        @StreamHandler('in')
        @SendTo('out')
        greet(@Payload() name: string): string {
          return `${this.greeting.text} ${name}`;
        }
      }
      const app = await apps.start({ topics, feature: { processors: [Greeter], imports: [GreetingModule] } });
      await app.send('in', { key: 'k', value: 'you' });
      expect((await app.recordsOnce('out', 1))[0]!.value).toBe('"hello you"');
    });

    it('find processors among the providers of an ordinary module, under whatever token', async () => {
      @StreamProcessor()
      class Tripler {
        constructor(private readonly factor: number) {}

        @StreamHandler('in')
        @SendTo('out')
        triple(@Payload() value: number): number {
          return this.factor * value;
        }
      }
      const app = await apps.start({
        topics,
        app: {
          imports: [StreamsModule.forFeature({ stores: [Counts] })],
          providers: [
            Ledger,
            Audit,
            Journal,
            Counter,
            { provide: 'the doubler', useClass: Doubler },
            { provide: Tripler, useFactory: () => new Tripler(3) },
          ],
        },
      });
      await app.send('in', { key: 'k', value: 5 });
      expect((await app.recordsOnce('out', 2)).map(({ value }) => value).sort()).toEqual(['1', '15']);
      expect((await app.recordsOnce('doubled', 1))[0]!.value).toBe('10');
    });
  });

  describe('forRootAsync', () => {
    it('takes a factory with what it injects, and the endpoints beside it', async () => {
      class Settings {
        readonly applicationId = 'from-settings';
      }
      @Module({ providers: [Settings], exports: [Settings] })
      class SettingsModule {}
      const app = await apps.listen({
        imports: [
          StreamsModule.forRootAsync({
            imports: [SettingsModule],
            inject: [Settings],
            useFactory: ({ applicationId }: Settings) => Promise.resolve({ ...apps.options(topics), applicationId }),
            health: { path: 'alive' },
            metrics: true,
            query: { path: 'state' },
          }),
          StreamsModule.forFeature(feature),
        ],
      });
      expect(app.host.applicationId).toBe('from-settings');
      await app.send('in', { key: 'k', value: 1 });
      await expect.poll(async () => (await app.fetch('/state/counts/entries/k')).json).toBe(1);
      expect((await app.fetch('/alive/ready')).status).toBe(200);
      await expect
        .poll(async () => (await app.fetch('/metrics')).text, { timeout: 5000 })
        .toContain('streams_instance_state{application="from-settings",state="running"} 1');
      expect((await app.fetch('/stores/counts/entries/k')).status).toBe(404);
    });

    it('takes a class that makes the options', async () => {
      @Injectable()
      class Options {
        createStreamsOptions(): StreamsModuleOptions {
          return { ...apps.options(topics), applicationId: 'from-class' };
        }
      }
      const app = await apps.listen({
        imports: [StreamsModule.forRootAsync({ useClass: Options, query: false }), StreamsModule.forFeature(feature)],
      });
      expect(app.host.applicationId).toBe('from-class');
      await app.host.whenRunning();
      expect((await app.fetch('/stores')).status).toBe(404);
    });

    it('refuses endpoints in what the factory returns, where they would do nothing', async () => {
      const error = await apps.failure({
        imports: [
          StreamsModule.forRootAsync({
            useFactory: () => ({ ...apps.options(topics), health: true, query: false }) as StreamsModuleOptions,
          }),
          StreamsModule.forFeature(feature),
        ],
      });
      expect(error.problems).toEqual([
        expect.stringMatching(/^"query" decides at import time: give it to forRootAsync beside the factory/),
        expect.stringMatching(/^"health" decides at import time/),
      ]);
    });

    it('says so when the factory returns nothing', async () => {
      const error = await apps.failure({
        imports: [
          StreamsModule.forRootAsync({ useFactory: () => undefined as unknown as StreamsModuleOptions }),
          StreamsModule.forFeature(feature),
        ],
      });
      expect(error.problems).toEqual(['The options must be an object.']);
    });
  });

  it('is there for every module, or only for those that import it', async () => {
    @Injectable()
    class Sender {
      constructor(readonly producer: RecordProducer) {}
    }
    @Module({ providers: [Sender] })
    class Elsewhere {}
    const global = await apps.start({ topics, feature, app: { imports: [Elsewhere] } });
    expect(global.get(Sender).producer).toBeInstanceOf(RecordProducer);
    const error = await apps.failure(
      apps.metadataOf({
        topics,
        options: { isGlobal: false },
        app: { imports: [Elsewhere], providers: [Doubler] },
      }),
    );
    expect(error.message).toMatch(/can't resolve dependencies of the Sender .*RecordProducer/);
  });

  it('gives controllers the read-only view of a store', async () => {
    @Controller('counts')
    class CountsController {
      constructor(@InjectReadOnlyStore(Counts) private readonly counts: ReadOnlyStore<string, number>) {}

      @Get()
      async all(): Promise<Record<string, number>> {
        const all: Record<string, number> = {};
        for await (const [key, value] of this.counts.entries()) all[key] = value;
        return all;
      }

      @Get('one')
      async one(): Promise<unknown> {
        return { found: await this.counts.get('a'), absent: (await this.counts.get('never')) ?? null };
      }
    }
    const app = await apps.start({
      topics,
      app: { imports: [StreamsModule.forFeature(feature)], controllers: [CountsController] },
    });
    for (const key of ['a', 'b', 'c', 'a']) await app.send('in', { key, value: 0 });
    await expect.poll(async () => (await app.fetch('/counts')).json).toEqual({ a: 2, b: 1, c: 1 });
    expect((await app.fetch('/counts/one')).json).toEqual({ found: 2, absent: null });
  });
});
