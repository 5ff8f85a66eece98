// One instance of the application that fails over: counts records by key, and says in each output who did it.
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
} from '../../libs/streams/src/index.js';

const [brokers, input, output, applicationId, stateDir, instanceId, sessionTimeout] = process.argv.slice(2) as string[];

@StateStore({ name: 'counts', key: 'string', value: json<number>(), engine: 'rocksdb' })
class Counts extends KeyValueStore<string, number> {}

@StreamProcessor()
class Counter {
  constructor(private readonly counts: Counts) {}

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
    }),
    StreamsModule.forFeature({ processors: [Counter], stores: [Counts] }),
  ],
})
class FailoverModule {}

const app = await NestFactory.createApplicationContext(FailoverModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
