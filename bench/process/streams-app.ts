// The example's kind of handler, through Nest: decorated store and processor, direct DI, the library as users get it.
import 'reflect-metadata';
import { rm } from 'node:fs/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import {
  json,
  KeyValueStore,
  StateStore,
  StreamHandler,
  StreamProcessor,
  StreamsModule,
} from '../../libs/streams/src/index.js';
import { Stopwatch } from '../harness/child.js';
import { applyTransaction, type Balance, type Transaction } from '../harness/workload.js';

const [brokers, topic, applicationId, stateDir, limit, processingGuarantee, commitIntervalMs] = process.argv.slice(2);
const total = Number(limit);
const stopwatch = new Stopwatch();
let processed = 0;
let finish: () => void;
const finished = new Promise<void>((resolve) => {
  finish = resolve;
});

@StateStore({ name: 'balances', key: 'string', value: json<Balance>(), engine: 'rocksdb' })
class Balances extends KeyValueStore<string, Balance> {}

@StreamProcessor()
class BalanceProcessor {
  constructor(private readonly balances: Balances) {}

  @StreamHandler(topic, { key: 'string', value: json<Transaction>() })
  async apply(@Payload() tx: Transaction): Promise<void> {
    if (processed === 0) stopwatch.start();
    await this.balances.put(tx.accountId, applyTransaction(await this.balances.get(tx.accountId), tx));
    if (++processed === total) finish();
  }
}

@Module({
  imports: [
    StreamsModule.forRoot({
      applicationId,
      instanceId: 'bench',
      kafka: { brokers: brokers.split(',') },
      stateDir,
      processingGuarantee: processingGuarantee as 'exactly_once' | 'at_least_once',
      commitInterval: Number(commitIntervalMs),
      memory: { cacheMaxBytes: 64 * 1024 * 1024 },
    }),
    StreamsModule.forFeature({ processors: [BalanceProcessor], stores: [Balances] }),
  ],
})
class BenchModule {}

const app = await NestFactory.createApplicationContext(BenchModule, { logger: ['error'] });
await finished;
await app.close();
stopwatch.finish(processed);
await rm(stateDir, { recursive: true, force: true });
process.exit(0);
