import {
  BadRequestException,
  Catch,
  Injectable,
  Scope,
  SetMetadata,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { BaseRpcExceptionFilter, Payload, RpcException } from '@nestjs/microservices';
import {
  json,
  KeyValueStore,
  SendTo,
  StateStore,
  StreamContext,
  StreamHandler,
  StreamProcessor,
  type StreamsFeature,
} from 'nestjs-streams';
import { map, of, throwError, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { StreamsApps, type RootOptions, type StreamsApp } from './support/streams-app.js';

interface Order {
  readonly id: string;
  readonly amount: number | string;
}

@StateStore({ name: 'limits', key: 'string', value: json<number>(), query: true })
class Limits extends KeyValueStore<string, number> {}

const topics = { in: 1, out: 1, dead: 1 };
const skipped: RootOptions = { errors: { processing: 'deadLetter', deadLetterTopic: 'dead' } };

describe('a stream handler with enhancers', () => {
  const apps = new StreamsApps();

  const start = (
    processor: Type<object>,
    options: RootOptions = {},
    feature: StreamsFeature = {},
  ): Promise<StreamsApp> => apps.start({ topics, options, feature: { processors: [processor], ...feature } });

  /** What a handler answers to these orders, in order. */
  async function answers(app: StreamsApp, orders: readonly Order[], count = orders.length): Promise<unknown[]> {
    for (const order of orders) await app.send('in', { key: order.id, value: order });
    const records = await app.recordsOnce('out', count);
    return records.map(({ value }) => (value === null ? null : (JSON.parse(value) as unknown)));
  }

  it('is guarded by guards of its class and its own; what they refuse goes the way of errors', async () => {
    const seen: string[] = [];
    @Injectable()
    class NotB implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const right = String(Reflect.getMetadata('right', context.getHandler()));
        seen.push(`${context.getClass().name}.${context.getHandler().name} ${right} ${context.getType<string>()}`);
        return context.switchToRpc().getData<Order>().id !== 'b';
      }
    }
    const notC: CanActivate = {
      canActivate: (context) => Promise.resolve(context.switchToRpc().getContext<StreamContext>().key !== 'c'),
    };
    @StreamProcessor()
    @UseGuards(NotB)
    class Guarded {
      @StreamHandler('in')
      @SendTo('out')
      @SetMetadata('right', 'pay')
      @UseGuards(notC)
      handle(order: Order, context: StreamContext): unknown {
        return [order.id, context.key];
      }
    }
    const app = await start(Guarded, skipped);
    const all = await answers(
      app,
      ['a', 'b', 'c', 'd'].map((id) => ({ id, amount: 1 })),
      2,
    );
    expect(all).toEqual([
      ['a', 'a'],
      ['d', 'd'],
    ]);
    expect(seen).toEqual(Array(4).fill('Guarded.handle pay streams'));
    expect(
      (await app.recordsOnce('dead', 2)).map(({ key, headers }) => [key, headers['streams-error-message']]),
    ).toEqual(['b', 'c'].map((id) => [id, 'Forbidden resource']));
  });

  it('may have guards, pipes, interceptors and filters that read the stores of its task', async () => {
    @Injectable()
    class Audit {
      readonly all: unknown[] = [];
    }
    @Injectable()
    class WithinLimit implements CanActivate {
      static readonly stores = new Set<object>();
      constructor(
        private readonly limits: Limits,
        private readonly audit: Audit,
      ) {}
      async canActivate(context: ExecutionContext): Promise<boolean> {
        WithinLimit.stores.add(this.limits);
        const { id, amount } = context.switchToRpc().getData<Order>();
        const limit = await this.limits.get(id);
        this.audit.all.push(limit ?? null);
        return Number(amount) <= (limit ?? 10);
      }
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class Raise implements NestInterceptor {
      constructor(private readonly limits: Limits) {}
      intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
        const { id, amount } = context.switchToRpc().getData<Order>();
        this.limits.put(id, 2 * Number(amount));
        return next.handle();
      }
    }
    @StreamProcessor()
    @UseGuards(WithinLimit)
    class Buyer {
      @StreamHandler('in')
      @SendTo('out')
      @UseInterceptors(Raise)
      buy(@Payload('amount') amount: number): unknown {
        return amount;
      }
    }
    const app = await apps.start({
      topics: { ...topics, in: 2 },
      options: skipped,
      feature: { processors: [Buyer], stores: [Limits], providers: [Audit] },
    });
    expect(app.host.topology.subTopologies[0]!.stores.map(({ name }) => name)).toEqual(['limits']);
    for (const [id, amount] of [
      ['a', 10],
      ['a', 20],
      ['a', 50],
      ['b', 20],
      ['b', 1],
      ['a', 40],
    ] as const)
      await app.send('in', { key: id, value: { id, amount } });
    const bought = await app.recordsOnce('out', 4);
    expect(bought.filter(({ key }) => key === 'a').map(({ value }) => value)).toEqual(['10', '20', '40']);
    expect(bought.filter(({ key }) => key === 'b').map(({ value }) => value)).toEqual(['1']);
    expect((await app.recordsOnce('dead', 2)).map(({ value }) => value).sort()).toEqual([
      '{"id":"a","amount":50}',
      '{"id":"b","amount":20}',
    ]);
    await expect.poll(async () => (await app.fetch('/stores/limits/entries/a')).json).toBe(80);
    expect(app.get(Audit).all).toHaveLength(6);
  });

  it('lets interceptors see and change its result, or answer in its place', async () => {
    const seen: unknown[] = [];
    const outer: NestInterceptor = {
      intercept: (context, next) =>
        next.handle().pipe(map((result: unknown) => (seen.push([context.getType<string>(), result]), { result }))),
    };
    const inner: NestInterceptor<unknown, unknown> = {
      intercept: (context, next) =>
        context.switchToRpc().getData<Order>().id === 'cached' ? of('from the interceptor') : next.handle(),
    };
    @StreamProcessor()
    @UseInterceptors(outer)
    class Intercepted {
      @StreamHandler('in')
      @SendTo('out')
      @UseInterceptors(inner)
      handle(@Payload('id') id: string): string {
        return `handled ${id}`;
      }
    }
    const app = await start(Intercepted);
    expect(
      await answers(app, [
        { id: 'a', amount: 1 },
        { id: 'cached', amount: 1 },
      ]),
    ).toEqual([{ result: 'handled a' }, { result: 'from the interceptor' }]);
    expect(seen).toEqual([
      ['streams', 'handled a'],
      ['streams', 'from the interceptor'],
    ]);
  });

  it('lets filters handle its errors: the record is handled then, with what they return', async () => {
    const caught: unknown[] = [];
    class Expected extends Error {}
    class Refused extends Error {}
    @Catch(Expected)
    class Quiet implements ExceptionFilter {
      catch(error: Error, host: ArgumentsHost): void {
        caught.push([error.message, host.getType<string>(), host.switchToRpc().getContext<StreamContext>().key]);
      }
    }
    @Catch(BadRequestException)
    class Answering implements ExceptionFilter {
      catch(error: Error): unknown {
        return { answer: error.message };
      }
    }
    @Catch(RpcException)
    class Rpc extends BaseRpcExceptionFilter {}
    @Catch(Refused)
    class Rethrowing implements ExceptionFilter {
      catch(): Observable<never> {
        return throwError(() => new Error('refused by the filter'));
      }
    }
    @StreamProcessor()
    @UseFilters(Quiet, Rpc)
    class Failing {
      @StreamHandler('in')
      @SendTo('out')
      @UseFilters(Answering, Rethrowing)
      handle(@Payload('id') id: string): string {
        if (id === 'quiet') throw new Expected('quiet');
        if (id === 'answered') throw new BadRequestException('answered');
        if (id === 'rpc') throw new RpcException('rpc');
        if (id === 'refused') throw new Refused();
        if (id === 'unknown') throw new TypeError('nobody catches this');
        return id;
      }
    }
    const app = await start(Failing, skipped);
    const ids = ['quiet', 'answered', 'rpc', 'refused', 'unknown', 'fine'];
    expect(
      await answers(
        app,
        ids.map((id) => ({ id, amount: 1 })),
        2,
      ),
    ).toEqual([{ answer: 'answered' }, 'fine']);
    expect(caught).toEqual([['quiet', 'streams', 'quiet']]);
    expect(
      (await app.recordsOnce('dead', 3)).map(({ key, headers }) => [key, headers['streams-error-message']]),
    ).toEqual([
      ['rpc', expect.any(String)],
      ['refused', 'refused by the filter'],
      ['unknown', 'nobody catches this'],
    ]);
  });

  it('is not touched by global enhancers, which are written for requests', async () => {
    const seen: string[] = [];
    @StreamProcessor()
    class Handlers {
      @StreamHandler('in')
      @SendTo('out')
      plain(@Payload() order: Order): unknown {
        return order.id;
      }

      @StreamHandler('in')
      @SendTo('out')
      piped(@Payload('id') id: unknown): unknown {
        return id;
      }
    }
    const nest = await apps.create(apps.metadataOf({ topics, feature: { processors: [Handlers] } }));
    nest.useGlobalGuards({ canActivate: (context) => seen.push(context.getType()) > 1000 });
    nest.useGlobalPipes({ transform: () => 'from a global pipe' });
    nest.useGlobalInterceptors({ intercept: () => of('from a global interceptor') });
    const app = await apps.serve(nest);
    expect(await answers(app, [{ id: 'a', amount: 1 }], 2)).toEqual(['a', 'a']);
    expect(seen).toEqual([]);
    expect((await app.fetch('/stores')).status).toBe(403);
    expect(seen).toEqual(['http']);
  });
});
