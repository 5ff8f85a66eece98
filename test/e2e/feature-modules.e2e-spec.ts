import { Controller, Get, Injectable, Module, Param } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { Ctx } from '@nestjs/microservices';
import {
  InjectReadOnlyStore,
  KeyValueStore,
  StateStore,
  StreamContext,
  StreamHandler,
  StreamProcessor,
  StreamsModule,
  type ReadOnlyStore,
} from 'nestjs-streams';
import { describe, expect, it } from 'vitest';
import { StreamsApps } from './support/streams-app.js';

@StateStore({ name: 'counts', key: 'string', value: 'json' })
class Counts extends KeyValueStore<string, number> {}

@Injectable()
class Steps {
  readonly of = 2;
}

@StreamProcessor()
class Counter {
  constructor(
    private readonly counts: Counts,
    private readonly steps: Steps,
  ) {}

  @StreamHandler('in')
  async count(@Ctx() { key }: StreamContext): Promise<void> {
    this.counts.put(key as string, ((await this.counts.get(key as string)) ?? 0) + this.steps.of);
  }
}

@Controller()
class CountsController {
  constructor(@InjectReadOnlyStore(Counts) private readonly counts: ReadOnlyStore<string, number>) {}

  @Get('counts/:key')
  async get(@Param('key') key: string): Promise<{ count: number | undefined }> {
    return { count: await this.counts.get(key) };
  }
}

describe('modules of an application', () => {
  const apps = new StreamsApps();

  it('export the stores of a feature with exports: [StreamsModule], and provide processors as any other provider', async () => {
    @Module({ imports: [StreamsModule.forFeature({ stores: [Counts] })], exports: [StreamsModule] })
    class StoresModule {}
    @Module({ imports: [StoresModule], providers: [Counter, Steps], controllers: [CountsController] })
    class CountingModule {}
    const app = await apps.listen({ imports: [StreamsModule.forRoot(apps.options({ in: 1 })), CountingModule] });
    await app.send('in', { key: 'k', value: 1 });
    await expect.poll(async () => (await app.fetch('/counts/k')).json).toEqual({ count: 2 });
  });

  it('export what forRoot provides with exports: [StreamsModule]', async () => {
    @Module({
      imports: [StreamsModule.forRoot({ ...apps.options({ in: 1 }), isGlobal: false })],
      exports: [StreamsModule],
    })
    class CoreModule {}
    const feature = { stores: [Counts], processors: [Counter], providers: [Steps], imports: [CoreModule] };
    const app = await apps.listen({
      imports: [CoreModule, StreamsModule.forFeature(feature)],
      controllers: [CountsController],
    });
    await app.send('in', { key: 'k', value: 1 });
    await expect.poll(async () => (await app.fetch('/counts/k')).json).toEqual({ count: 2 });
  });

  it('are named where a dependency is missing: the module of the user, or the call of forFeature', async () => {
    @Module({ imports: [StreamsModule.forFeature({ stores: [Counts] })], providers: [Counter] })
    class CountingModule {}
    const own = await apps.failure({ imports: [StreamsModule.forRoot(apps.options({ in: 1 })), CountingModule] });
    expect(own.message).toMatch(/dependencies of the Counter \(Counts, \?\)[^]* CountingModule/);
    const feature = await apps.failure({
      imports: [
        StreamsModule.forRoot(apps.options({ in: 1 })),
        StreamsModule.forFeature({ stores: [Counts], processors: [Counter] }),
      ],
    });
    expect(feature.message).toMatch(/Counter \(Counts, \?\)[^]* StreamsModule\.forFeature\(Counter, Counts\) module/);
  });

  it('are refused with handlers or stores when they are loaded lazily, and accepted without', async () => {
    @StreamProcessor()
    class Late {
      @StreamHandler('in')
      handle(): void {}
    }
    @StateStore({ name: 'late', key: 'string', value: 'json' })
    class LateStore extends KeyValueStore<string, number> {}
    @Module({ providers: [Late] })
    class LateModule {}
    @Module({ imports: [StreamsModule.forFeature({ processors: [Late] })] })
    class LateFeatureModule {}
    @Module({ imports: [StreamsModule.forFeature({ stores: [LateStore] })] })
    class LateStoreModule {}
    @Module({ providers: [Steps] })
    class HarmlessModule {}
    const app = await apps.start({
      topics: { in: 1 },
      feature: { processors: [Counter], stores: [Counts], providers: [Steps] },
    });
    const loader = app.nest.get(LazyModuleLoader);
    await expect(loader.load(() => LateModule)).rejects.toThrow(
      /Late is in the module LateModule, which was loaded lazily after the application had started.*Import the module/,
    );
    await expect(loader.load(() => LateFeatureModule)).rejects.toThrow(
      /Late is in the module StreamsModule\.forFeature/,
    );
    await expect(loader.load(() => LateStoreModule)).rejects.toThrow(/LateStore is in the module/);
    const harmless = await loader.load(() => HarmlessModule);
    expect(harmless.get(Steps)).toBeInstanceOf(Steps);
  });
});
