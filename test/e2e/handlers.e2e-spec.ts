import {
  BadRequestException,
  createParamDecorator,
  Injectable,
  UsePipes,
  type ExecutionContext,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import { Ctx, Payload } from '@nestjs/microservices';
import { SendTo, StreamContext, StreamHandler, StreamProcessor, type StreamsFeature } from 'nestjs-streams';
import { describe, expect, it, vi } from 'vitest';
import { StreamsApps, type RootOptions, type StreamsApp } from './support/streams-app.js';

interface Order {
  readonly id: string;
  readonly amount: number | string;
}

const topics = { in: 1, out: 1, dead: 1 };
const skipped: RootOptions = { errors: { processing: 'deadLetter', deadLetterTopic: 'dead' } };

describe('a stream handler', () => {
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

  it('takes payload and context, decorated or not, synchronously or not, and is called directly', async () => {
    const create = vi.spyOn(ExternalContextCreator.prototype, 'create');
    @StreamProcessor()
    class Plain {
      @StreamHandler('in')
      @SendTo('out')
      undecorated(order: Order, context: StreamContext): unknown {
        return ['undecorated', order.id, context.key, context instanceof StreamContext];
      }

      @StreamHandler('in')
      @SendTo('out')
      payload(@Payload() order: Order): unknown {
        return ['payload', order.id];
      }

      @StreamHandler('in')
      @SendTo('out')
      async context(@Ctx() context: StreamContext): Promise<unknown> {
        await Promise.resolve();
        return ['context', context.key, context.topic, context.partition, context.offset, context.taskId];
      }

      @StreamHandler('in')
      @SendTo('out')
      reversed(@Ctx() context: StreamContext, @Payload() order: Order): unknown {
        return ['reversed', context.key, order.id];
      }

      @StreamHandler('in')
      @SendTo('out')
      later(_first: unknown, @Payload() order: Order): unknown {
        return ['later', _first ?? null, order.id];
      }
    }
    const app = await start(Plain);
    expect(await answers(app, [{ id: 'a', amount: 1 }], 5)).toEqual([
      ['undecorated', 'a', 'a', true],
      ['payload', 'a'],
      ['context', 'a', 'in', 0, 0, '0_0'],
      ['reversed', 'a', 'a'],
      ['later', null, 'a'],
    ]);
    expect(create).not.toHaveBeenCalled();
    create.mockRestore();
  });

  it('takes a field of the payload, pipes of parameters and methods, and parameter decorators of the user', async () => {
    const create = vi.spyOn(ExternalContextCreator.prototype, 'create');
    @Injectable()
    class ParseAmount implements PipeTransform<unknown, number> {
      transform(value: unknown): number {
        const amount = Number(value);
        if (!Number.isInteger(amount)) throw new BadRequestException(`${String(value)} is no amount`);
        return amount;
      }
    }
    class Prices {
      readonly factor = 100;
    }
    @Injectable()
    class ToCents implements PipeTransform<number, number> {
      constructor(private readonly prices: Prices) {}
      transform(value: number): number {
        return value * this.prices.factor;
      }
    }
    const Stamp = createParamDecorator((data: string, context: ExecutionContext) => {
      const stream = context.switchToRpc().getContext<StreamContext>();
      return `${data} ${context.getType<string>()} ${stream.topic} ${context.switchToRpc().getData<Order>().id}`;
    });
    @StreamProcessor()
    class Piped {
      @StreamHandler('in')
      @SendTo('out')
      fields(
        @Payload('amount', ParseAmount, ToCents) cents: number,
        @Payload('id') id: string,
        @Payload('nothing') nothing: unknown,
        @Stamp('seen') stamp: string,
        @Ctx() context: StreamContext,
      ): unknown {
        return [id, cents, nothing === undefined, stamp, context.key];
      }

      @StreamHandler('in')
      @SendTo('out')
      @UsePipes({ transform: (value: unknown) => ({ piped: value }) })
      method(@Payload('id') id: unknown): unknown {
        return id;
      }
    }
    const app = await start(Piped, skipped, { providers: [Prices] });
    const all = await answers(
      app,
      [
        { id: 'a', amount: '7' },
        { id: 'b', amount: 'x' },
        { id: 'c', amount: 1 },
      ],
      4,
    );
    expect(all).toEqual([
      ['a', 700, true, 'seen streams in a', 'a'],
      { piped: 'a' },
      ['c', 100, true, 'seen streams in c', 'c'],
      { piped: 'c' },
    ]);
    expect(
      (await app.recordsOnce('dead', 1)).map(({ key, headers }) => [key, headers['streams-error-message']]),
    ).toEqual([['b', 'x is no amount']]);
    expect(create.mock.calls.map(([, , name]) => name)).toEqual(['fields', 'method']);
    create.mockRestore();
  });

  it('reads a field of a tombstone as absent', async () => {
    @StreamProcessor()
    class Fields {
      @StreamHandler('in')
      @SendTo('out')
      field(@Payload('id') id: unknown, @Payload() payload: unknown): unknown {
        return [id === undefined, payload];
      }
    }
    const app = await start(Fields);
    await app.send('in', { key: 'a', value: null });
    expect((await app.recordsOnce('out', 1))[0]!.value).toBe('[true,null]');
  });
});
