import { Injectable } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import {
  KeyValueStore,
  SendTo,
  StateStore,
  StreamContext,
  StreamHandler,
  StreamProcessor,
  StreamsModule,
  type TopicNames,
} from 'nestjs-streams';
import { describe, expect, it } from 'vitest';
import { StreamsApps } from './support/streams-app.js';

@StateStore({ name: 'seen', key: 'string', value: 'json' })
class Seen extends KeyValueStore<string, string[]> {}

@Injectable()
class Settings {
  readonly inputs = ['eu.orders', 'us.orders'];
  readonly output = 'all.orders';
}

function processorOf(topics: TopicNames, startAt?: 'earliest' | 'latest'): new () => object {
  @StreamProcessor({ name: 'Odd' })
  class Odd {
    @StreamHandler(topics, startAt === undefined ? {} : { startAt })
    handle(): void {}
  }
  return Odd;
}

describe('the topics of a handler', () => {
  const apps = new StreamsApps();
  const refusalOf = async (topics: unknown): Promise<readonly string[] | undefined> => {
    const feature = { processors: [processorOf(topics as TopicNames)] };
    const { problems } = await apps.failure({
      imports: [StreamsModule.forRoot(apps.options({ in: 1 })), StreamsModule.forFeature(feature)],
    });
    return problems;
  };

  it('may be several, named by a function of the providers: they share the tasks and the stores', async () => {
    @StreamProcessor()
    class Merger {
      constructor(private readonly seen: Seen) {}

      @StreamHandler((get) => get(Settings).inputs)
      @SendTo((get) => get(Settings).output)
      async merge(@Payload() value: string, @Ctx() { key, topic }: StreamContext): Promise<string[]> {
        const all = [...((await this.seen.get(key as string)) ?? []), `${topic}:${value}`];
        this.seen.put(key as string, all);
        return all;
      }
    }
    const app = await apps.start({
      topics: { 'eu.orders': 2, 'us.orders': 2, 'all.orders': 1 },
      feature: { processors: [Merger], stores: [Seen], providers: [Settings] },
    });
    await app.host.whenRunning();
    expect(app.host.tasks().map(({ taskId }) => taskId)).toEqual(['0_0', '0_1']);
    await app.send('eu.orders', { key: 'k', value: 'a' });
    await app.recordsOnce('all.orders', 1);
    await app.send('us.orders', { key: 'k', value: 'b' });
    const [, second] = await app.recordsOnce('all.orders', 2);
    expect(JSON.parse(String(second!.value))).toEqual(['eu.orders:a', 'us.orders:b']);
  });

  it('have the same number of partitions', async () => {
    const feature = { processors: [processorOf(['one', 'two'])] };
    const error = await apps.failure({
      imports: [StreamsModule.forRoot(apps.options({ one: 1, two: 2 })), StreamsModule.forFeature(feature)],
    });
    expect(error).toMatchObject({ code: 'STREAMS_COPARTITION_MISMATCH' });
    expect(error.message).toMatch(/"one" has 1 partition and "two" has 2/);
  });

  it.each([
    [/^orders-.*/, /^@StreamHandler of Odd\.handle names the pattern \/\^orders-\.\*\/.*in a list, \['a', 'b'\]/],
    [['in', /x/], /names the pattern \/x\//],
    [[], /names no topic/],
    [['in', ''], /names no topic/],
    [['in', 'in'], /names the topic "in" twice/],
    [() => undefined, /names no topic/],
    [() => Promise.resolve('in'), /asynchronous function: load the name in an asynchronous provider/],
    [
      () => {
        throw new Error('no such setting');
      },
      /^@StreamHandler of Odd\.handle, topic: no such setting/,
    ],
  ])('are refused where they cannot be used: %s', async (topics, expected) => {
    expect(await refusalOf(topics)).toContainEqual(expect.stringMatching(expected));
  });

  it('begin at one place for all handlers that read them', async () => {
    @StreamProcessor()
    class Other {
      @StreamHandler('in')
      handle(): void {}
    }
    const { problems } = await apps.failure({
      imports: [
        StreamsModule.forRoot(apps.options({ in: 1 })),
        StreamsModule.forFeature({ processors: [processorOf('in', 'latest'), Other] }),
      ],
    });
    expect(problems).toEqual([expect.stringMatching(/read "in" from different places .*give both the same "startAt"/)]);
  });
});
