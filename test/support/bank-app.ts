import { Controller, Get, Injectable, Module, Param, type DynamicModule, type Type } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { InjectReadOnlyStore } from '../../libs/streams/src/decorators/inject-read-only-store.decorator.js';
import { StateStore } from '../../libs/streams/src/decorators/state-store.decorator.js';
import { SendTo, StreamHandler } from '../../libs/streams/src/decorators/stream-handler.decorator.js';
import { StreamProcessor } from '../../libs/streams/src/decorators/stream-processor.decorator.js';
import type { OnFlush, OnRestored, OnTaskClose, OnTaskInit } from '../../libs/streams/src/nest/lifecycle-hooks.js';
import type { ReadOnlyStore } from '../../libs/streams/src/nest/read-only-store.js';
import { StreamContext } from '../../libs/streams/src/nest/stream-context.js';
import { StreamsModule } from '../../libs/streams/src/nest/streams.module.js';
import type { StreamsModuleExtras, StreamsModuleOptions } from '../../libs/streams/src/nest/streams-module-options.js';
import { json } from '../../libs/streams/src/serdes/text-serdes.js';
import { KeyValueStore } from '../../libs/streams/src/stores/key-value/key-value-store.js';
import type { TaskContext } from '../../libs/streams/src/topology/processor.js';

export interface Payment {
  readonly id: string;
  readonly accountId: string;
  readonly amount: number;
}

export interface Balance {
  readonly balance: number;
  readonly count: number;
}

@StateStore({ name: 'balances', key: 'string', value: json<Balance>(), query: true })
export class Balances extends KeyValueStore<string, Balance> {
  async add(accountId: string, amount: number): Promise<Balance> {
    const { balance, count } = (await this.get(accountId)) ?? { balance: 0, count: 0 };
    const after = { balance: balance + amount, count: count + 1 };
    this.put(accountId, after);
    return after;
  }
}

/** An ordinary singleton that processors share. */
@Injectable()
export class Events {
  readonly seen: string[] = [];
}

/** Request-scoped through the store it injects: one per task. */
@Injectable()
export class Ledger {
  constructor(readonly balances: Balances) {}
}

export function bankModule(
  options: StreamsModuleOptions & StreamsModuleExtras,
  topics: { readonly input: string; readonly output: string },
): DynamicModule & { readonly module: Type<object> } {
  @StreamProcessor({ name: 'BalanceProcessor' })
  class BalanceProcessor implements OnTaskInit, OnRestored, OnFlush, OnTaskClose {
    constructor(
      private readonly ledger: Ledger,
      private readonly balances: Balances,
      private readonly events: Events,
    ) {}

    onTaskInit(task: TaskContext): void {
      this.events.seen.push(
        `init ${task.taskId} ${this.ledger.balances === this.balances ? 'one store' : 'two stores'}`,
      );
    }

    onRestored(task: TaskContext): void {
      this.events.seen.push(`restored ${task.taskId}`);
    }

    onFlush(task: TaskContext): void {
      this.events.seen.push(`flush ${task.taskId}`);
    }

    onTaskClose(task: TaskContext): void {
      this.events.seen.push(`close ${task.taskId}`);
    }

    @StreamHandler(topics.input, { key: 'string', value: json<Payment>() })
    @SendTo(topics.output)
    async apply(@Payload() payment: Payment, @Ctx() context: StreamContext): Promise<Balance & { id: string }> {
      if (context.key !== payment.accountId) throw new Error('The key is not the account.');
      return { id: payment.id, ...(await this.balances.add(payment.accountId, payment.amount)) };
    }
  }

  @Controller('accounts')
  class AccountsController {
    constructor(@InjectReadOnlyStore(Balances) private readonly balances: ReadOnlyStore<string, Balance>) {}

    @Get(':id')
    async balance(@Param('id') id: string): Promise<unknown> {
      return (await this.balances.get(id)) ?? { missing: id };
    }
  }

  @Module({
    imports: [
      StreamsModule.forRoot(options),
      StreamsModule.forFeature({ processors: [BalanceProcessor], stores: [Balances], providers: [Ledger, Events] }),
    ],
    controllers: [],
  })
  class BankModule {}

  @Module({ imports: [BankModule, StreamsModule.forFeature({ stores: [] })] })
  class AppModule {}
  void AccountsController;
  return { module: AppModule };
}
