import { Controller, Injectable, UseGuards, type CanActivate } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import {
  json,
  KeyValueStore,
  SendTo,
  StateStore,
  StreamHandler,
  StreamProcessor,
  StreamsModule,
  TopicAdmin,
  type StreamsModuleOptions,
} from 'nestjs-streams';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StreamsApps } from './support/streams-app.js';

@StateStore({ name: 'counts', key: 'string', value: json<number>() })
class Counts extends KeyValueStore<string, number> {}

/** Of tasks, and therefore allowed to inject a store. */
@Injectable()
class Ledger {
  constructor(readonly counts: Counts) {}
}

@StreamProcessor()
class Counter {
  constructor(readonly ledger: Ledger) {}

  @StreamHandler('in')
  @SendTo('out')
  count(@Payload() value: number): number {
    return value;
  }
}

const topics = { in: 1, out: 1 };

describe('a start that cannot work', () => {
  const apps = new StreamsApps();

  it('names every problem at once', async () => {
    @Controller()
    class DirectController {
      constructor(readonly counts: Counts) {}
    }
    @Controller()
    class IndirectController {
      constructor(readonly ledger: Ledger) {}
    }
    @Injectable()
    class Service {
      constructor(readonly counts: Counts) {}
    }
    @Injectable()
    class Guard implements CanActivate {
      constructor(readonly counts: Counts) {}
      canActivate(): boolean {
        return true;
      }
    }
    @Controller()
    @UseGuards(Guard)
    class GuardedController {}
    @StateStore({ name: 'counts', key: 'string', value: 'json' })
    class OtherCounts extends KeyValueStore<string, number> {}
    @StateStore({ name: 'odd', key: 'strnig' as 'string', value: 'json', engine: 'leveldb' })
    class OddStore extends KeyValueStore<string, number> {}
    @StreamProcessor()
    class Empty {}
    @StreamProcessor()
    class Nameless {
      constructor(
        readonly other: OtherCounts,
        readonly odd: OddStore,
      ) {}

      @StreamHandler('')
      handle(): void {}

      @SendTo('out')
      send(): void {}
    }
    @StreamProcessor()
    class Overriding extends Counter {
      override count(value: number): number {
        return -value;
      }
    }
    @Injectable()
    class Unmarked {
      @StreamHandler('in')
      handle(): void {}
    }
    const options = {
      ...apps.options(topics),
      standbyReplicas: -1,
      comitInterval: 10,
      sliceMs: 0,
    } as unknown as StreamsModuleOptions;
    const { problems, name } = await apps.failure({
      imports: [
        StreamsModule.forRoot(options),
        StreamsModule.forFeature({
          processors: [Counter, Empty, Nameless, Overriding],
          stores: [Counts, OtherCounts, OddStore],
          providers: [Ledger],
        }),
      ],
      controllers: [DirectController, IndirectController, GuardedController],
      providers: [Service, Guard, Ledger, Unmarked],
    });
    expect(name).toBe('ConfigurationError');
    const expected = [
      /^DirectController injects the store Counts, but has no task: .* @InjectReadOnlyStore\(Counts\)/,
      /^IndirectController injects the store Counts/,
      /^Service injects the store Counts/,
      /^Guard injects the store Counts/,
      /^Two stores are named "counts"/,
      /^@StateStore OddStore, key: .*"strnig"/,
      /^@StateStore OddStore names the engine "leveldb", which is not registered\. Use "memory" or "rocksdb"/,
      /^Unknown option "comitInterval"\. Did you mean "commitInterval"\?/,
      /^"sliceMs" must be at least 1, not 0/,
      /^"standbyReplicas" must be at least 0/,
      /^@StreamProcessor Empty has no @StreamHandler method/,
      /^@StreamHandler of Nameless\.handle names no topic/,
      /^Nameless\.send has @SendTo, but no @StreamHandler/,
      /^Overriding\.count overrides a @StreamHandler method: repeat its decorators/,
      /^@StreamProcessor Overriding has no @StreamHandler method/,
      /^Unmarked has @StreamHandler methods, .* @StreamProcessor/,
    ];
    for (const pattern of expected) expect(problems).toContainEqual(expect.stringMatching(pattern));
    // Each is said once. A store that only broken handlers use may be named beside them.
    expect(problems).toHaveLength(new Set(problems).size);
    expect(problems!.filter((problem) => !expected.some((pattern) => pattern.test(problem)))).toEqual([]);
  });

  it('refuses classes without their decorator in forFeature itself', () => {
    class Plain extends KeyValueStore<string, number> {}
    class Loose {}
    expect(() => StreamsModule.forFeature({ stores: [Plain], processors: [Loose] })).toThrow(
      /Plain is listed in "stores" and has no @StateStore[^]*Loose is listed in "processors" and has no @StreamProcessor/,
    );
  });

  it.each([
    [{ query: { authorise: () => false } }, 'Unknown option "query.authorise". Did you mean "query.authorize"?'],
    [{ query: 'no' }, `"query" must be true or false, or an object, not 'no'.`],
    [{ restorePriorty: 1 }, 'Unknown option "restorePriorty". Did you mean "restorePriority"?'],
  ])('stops at a wrong option of a store: %o', async (options, problem) => {
    class Guarded extends KeyValueStore<string, number> {}
    StateStore({ name: 'guarded', key: 'string', value: 'json', ...(options as object) })(Guarded);
    const { problems } = await apps.failure({
      imports: [StreamsModule.forRoot(apps.options(topics)), StreamsModule.forFeature({ stores: [Guarded] })],
    });
    expect(problems).toContain(`@StateStore Guarded: ${problem}`);
  });

  it.each([0, NaN, -1, 1.5, '8'])('stops at a limit of %s that would leave requests hanging', async (maxConcurrent) => {
    const options = { ...apps.options(topics), query: { maxConcurrent } } as unknown as StreamsModuleOptions;
    const { problems } = await apps.failure({ imports: [StreamsModule.forRoot(options)] });
    expect(problems).toContainEqual(expect.stringMatching(/^"query\.maxConcurrent" must be/));
  });

  it('lists wrong options of import time, of decorators and of engines together', async () => {
    @StreamProcessor({ nmae: 'x' } as object)
    class Odd {
      @StreamHandler('in', { vlaue: 'json' } as object)
      @SendTo('out', { positionHaeder: true } as object)
      handle(): void {}
    }
    const options = {
      ...apps.options(topics),
      health: { ready: 2 },
      metrics: { paht: '/m' },
      rocksdb: { blockCacheByte: 1 },
      engines: 'memory',
    } as unknown as StreamsModuleOptions;
    const { problems } = await apps.failure({
      imports: [StreamsModule.forRoot(options), StreamsModule.forFeature({ processors: [Odd] })],
    });
    for (const part of [
      '"health.ready" must be',
      'Did you mean "metrics.path"?',
      'Did you mean "rocksdb.blockCacheBytes"?',
      '"engines" must be a list',
      '@StreamProcessor Odd: Unknown option "nmae"',
      '@StreamHandler of Odd.handle: Unknown option "vlaue"',
      '@SendTo of Odd.handle: Unknown option "positionHaeder". Did you mean "positionHeader"?',
    ])
      expect(problems).toContainEqual(expect.stringContaining(part));
  });

  it('refuses unknown keys beside the factory of forRootAsync, and of forFeature', async () => {
    const { problems } = await apps.failure({
      imports: [
        StreamsModule.forRootAsync({ useFactory: () => apps.options(topics), querry: false } as object),
        StreamsModule.forFeature({}),
      ],
    });
    expect(problems).toContain('Unknown option "querry". Did you mean "query"?');
    expect(() => StreamsModule.forFeature({ store: [Counts] } as object)).toThrow('Did you mean "stores"?');
  });

  it('refuses a second topic on one method at its declaration', () => {
    expect(() => {
      class Twice {
        @StreamHandler('one')
        @StreamHandler('two')
        handle(): void {}
      }
      return Twice;
    }).toThrow(/Twice\.handle has two @StreamHandler, of "two" and "one"/);
  });

  it('refuses the folder that another application holds, and leaves that one alone', async () => {
    const options = apps.options(topics);
    const feature = StreamsModule.forFeature({ processors: [Counter], stores: [Counts], providers: [Ledger] });
    const first = await apps.listen({ imports: [StreamsModule.forRoot(options), feature] });
    const error = await apps.failure({ imports: [StreamsModule.forRoot({ ...options }), feature] });
    expect(error).toMatchObject({ code: 'STREAMS_STATE_DIRECTORY_LOCKED' });
    expect(error.message).toContain('this process');
    await first.send('in', { key: 'k', value: 1 });
    expect(await first.recordsOnce('out', 1)).toHaveLength(1);
  });

  it('refuses a second forRoot, which would handle every record again', async () => {
    const { problems } = await apps.failure({
      imports: [
        StreamsModule.forRoot({ ...apps.options(topics), query: false }),
        StreamsModule.forRoot({ ...apps.options(topics), applicationId: 'other', query: false }),
      ],
      providers: [],
    });
    expect(problems).toContainEqual(expect.stringMatching(/^StreamsModule\.forRoot is imported 2 times/));
  });

  it('names the topics that do not exist, and lets the same folders be used at once', async () => {
    const stateDir = apps.folder();
    const embedded = { directory: join(apps.folder(), 'log'), topics: { in: { partitions: 1 } } };
    const options = { ...apps.options(), stateDir };
    const feature = StreamsModule.forFeature({ processors: [Counter], stores: [Counts], providers: [Ledger] });
    const error = await apps.failure({ imports: [StreamsModule.forRoot({ ...options, embedded }), feature] });
    expect(error).toMatchObject({ name: 'MissingTopicError', code: 'STREAMS_TOPIC_MISSING', topics: ['out'] });
    expect(existsSync(join(stateDir, 'app', '.lock'))).toBe(false);
    const corrected = { ...embedded, topics: { in: { partitions: 1 }, out: { partitions: 1 } } };
    const app = await apps.listen({ imports: [StreamsModule.forRoot({ ...options, embedded: corrected }), feature] });
    await app.send('in', { key: 'k', value: 1 });
    expect(await app.recordsOnce('out', 1)).toHaveLength(1);
  });

  it('gives back the log that a provider opened before the problems were found', async () => {
    const ready = {
      provide: 'topics',
      useFactory: (admin: TopicAdmin) =>
        admin.create(Object.entries(topics).map(([name, partitions]) => ({ name, partitions }))),
      inject: [TopicAdmin],
    };
    const options = { ...apps.options(), embedded: { directory: join(apps.folder(), 'log') } };
    const feature = StreamsModule.forFeature({
      processors: [Counter],
      stores: [Counts],
      providers: [Ledger, ready],
    });
    const error = await apps.failure({
      imports: [StreamsModule.forRoot({ ...options, sliceMs: -1 }), feature],
    });
    expect(error.problems).toEqual([expect.stringMatching(/^"sliceMs"/)]);
    const app = await apps.listen({ imports: [StreamsModule.forRoot(options), feature] });
    await app.send('in', { key: 'k', value: 1 });
    expect(await app.recordsOnce('out', 1)).toHaveLength(1);
  });
});
