// An app whose state directory is empty and whose changelog is full: from the first restored record to the last task running.
import 'reflect-metadata';
import { rm } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import {
  json,
  KeyValueStore,
  StateStore,
  StreamHandler,
  StreamProcessor,
  StreamsHost,
  StreamsModule,
  type RestoreProgress,
} from '../../libs/streams/src/index.js';
import { Stopwatch } from '../harness/child.js';
import type { Transaction } from '../harness/workload.js';

const [brokers, topic, applicationId, stateDir, engine] = process.argv.slice(2);
const stopwatch = new Stopwatch();
const restored = new Map<string, number>();
const delay = monitorEventLoopDelay({ resolution: 1 });

@StateStore({ name: 'balances', key: 'string', value: json<unknown>(), engine })
class Balances extends KeyValueStore<string, unknown> {}

@StreamProcessor()
class BalanceProcessor {
  constructor(private readonly balances: Balances) {}

  onRestoreStart(): void {
    stopwatch.start();
    delay.enable();
  }

  onRestoreProgress({ taskId, restoredRecords }: RestoreProgress): void {
    restored.set(taskId, restoredRecords);
  }

  @StreamHandler(topic, { key: 'string', value: json<Transaction>() })
  apply(@Payload() tx: Transaction): void {
    this.balances.put(tx.accountId, tx);
  }
}

@Module({
  imports: [
    // The changelog is there before the group has offsets.
    StreamsModule.forRoot({
      applicationId,
      instanceId: 'bench',
      kafka: { brokers: brokers.split(',') },
      stateDir,
      onOffsetsLost: 'latest',
    }),
    StreamsModule.forFeature({ processors: [BalanceProcessor], stores: [Balances] }),
  ],
})
class BenchModule {}

const app = await NestFactory.createApplicationContext(BenchModule, { logger: ['error'] });
await app.get(StreamsHost).whenRunning();
delay.disable();
const records = [...restored.values()].reduce((sum, count) => sum + count, 0);
stopwatch.finish(records, { delayP999Ms: delay.percentile(99.9) / 1e6 });
await app.close();
await rm(stateDir, { recursive: true, force: true });
process.exit(0);
