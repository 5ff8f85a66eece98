// One instance of the application that is asked: keeps the balance of each account, and tells its parent how many records it has processed.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  json,
  KeyValueStore,
  StateStore,
  StreamHandler,
  StreamProcessor,
  StreamsHost,
  StreamsModule,
} from '../../libs/streams/src/index.js';
import { applyTransaction, type Balance, type Transaction } from '../harness/workload.js';

const [brokers, stateDir, instanceId, port] = process.argv.slice(2) as [string, string, string, string];
let processed = 0;

@StateStore({ name: 'balances', key: 'string', value: json<Balance>(), engine: 'rocksdb', query: true })
class Balances extends KeyValueStore<string, Balance> {}

@StreamProcessor()
class BalanceProcessor {
  constructor(private readonly balances: Balances) {}

  @StreamHandler('query-in', { key: 'string', value: json<Transaction>() })
  apply(@Payload() transaction: Transaction): void | Promise<void> {
    processed++;
    const before = this.balances.get(transaction.accountId);
    if (before instanceof Promise) return before.then((balance) => this.put(balance, transaction));
    this.put(before, transaction);
  }

  private put(before: Balance | undefined, transaction: Transaction): void {
    this.balances.put(transaction.accountId, applyTransaction(before, transaction));
  }
}

@Module({
  imports: [
    StreamsModule.forRoot({
      applicationId: 'query',
      instanceId,
      kafka: { brokers: brokers.split(',') },
      stateDir,
      advertisedUrl: `http://127.0.0.1:${port}`,
      peers: { secret: 'the secret of the bench' },
      standbyReplicas: 0,
      // The changelog was written by hand, so the group has no offsets.
      onOffsetsLost: 'earliest',
    }),
    StreamsModule.forFeature({ processors: [BalanceProcessor], stores: [Balances] }),
  ],
})
class QueryModule {}

const app = await NestFactory.create(QueryModule, new FastifyAdapter(), { logger: ['error', 'warn'] });
app.enableShutdownHooks();
await app.listen(Number(port), '127.0.0.1');
process.on('message', (request: 'state' | 'pause' | 'resume') => void answer(request));

async function answer(request: 'state' | 'pause' | 'resume'): Promise<void> {
  const host = app.get(StreamsHost);
  if (request !== 'state') await host[request]();
  const running = host.tasks().filter(({ state }) => state === 'running');
  process.send!({ processed, tasks: running.map(({ partition }) => partition) });
}
