// One instance of the application that fails over: counts records by key, says in each output who did it, and tells its parent what it restored.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import {
  json,
  KeyValueStore,
  SendTo,
  StateStore,
  StreamHandler,
  StreamProcessor,
  StreamsModule,
  type OnRestored,
  type OnRestoreProgress,
  type RestoreProgress,
} from '../../libs/streams/src/index.js';

const [brokers, input, output, applicationId, stateDir, instanceId, sessionTimeout] = process.argv.slice(2) as string[];

@StateStore({ name: 'counts', key: 'string', value: json<number>(), engine: 'rocksdb' })
class Counts extends KeyValueStore<string, number> {}

@StreamProcessor()
class Counter implements OnRestoreProgress, OnRestored {
  private restoredRecords = 0;

  constructor(private readonly counts: Counts) {}

  onRestoreProgress({ restoredRecords }: RestoreProgress): void {
    this.restoredRecords = restoredRecords;
  }

  onRestored(): void {
    process.send!(this.restoredRecords);
  }

  @StreamHandler(input!, { key: 'string', value: json<{ key: string }>() })
  @SendTo(output!)
  async count(@Payload() { key }: { key: string }): Promise<{ by: string; count: number }> {
    const count = ((await this.counts.get(key)) ?? 0) + 1;
    await this.counts.put(key, count);
    return { by: instanceId!, count };
  }
}

@Module({
  imports: [
    StreamsModule.forRoot({
      applicationId: applicationId!,
      kafka: { brokers: brokers!.split(',') },
      stateDir: stateDir!,
      group: { sessionTimeout: Number(sessionTimeout) },
      // The changelog was written by hand, so the group has no offsets.
      onOffsetsLost: 'earliest',
    }),
    StreamsModule.forFeature({ processors: [Counter], stores: [Counts] }),
  ],
})
class FailoverModule {}

const app = await NestFactory.createApplicationContext(FailoverModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
