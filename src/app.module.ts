import { Module, type DynamicModule } from '@nestjs/common';
import { join } from 'node:path';
import { RecordProducer, StreamsModule } from 'nestjs-streams';
import { BalanceProcessor } from './bank/balance.processor.js';
import { Balances } from './bank/balances.store.js';
import { DemoTraffic } from './bank/demo-traffic.js';
import { BankTopics } from './bank/topics.js';
import type { Environment } from './environment.js';

/** The example bank. */
@Module({})
export class AppModule {
  static with(environment: Environment): DynamicModule {
    const { brokers, instanceId, commitIntervalMs, cacheMaxBytes, standbyReplicas, peerSecret, sessionTimeoutMs } =
      environment;
    return {
      module: AppModule,
      imports: [
        StreamsModule.forRoot({
          applicationId: environment.applicationId,
          ...(instanceId === undefined ? {} : { instanceId }),
          ...(brokers.length === 0
            ? { embedded: { directory: join(environment.stateDir, environment.applicationId, 'log') } }
            : { kafka: { brokers } }),
          stateDir: environment.stateDir,
          advertisedUrl: environment.advertisedUrl,
          defaultEngine: environment.storeEngine,
          processingGuarantee: environment.processingGuarantee,
          ...(commitIntervalMs === undefined ? {} : { commitInterval: commitIntervalMs }),
          ...(cacheMaxBytes === undefined ? {} : { memory: { cacheMaxBytes } }),
          ...(standbyReplicas === undefined ? {} : { standbyReplicas }),
          metadataMaxAge: '30s',
          ...(peerSecret === undefined ? {} : { peers: { secret: peerSecret } }),
          ...(sessionTimeoutMs === undefined ? {} : { group: { sessionTimeout: sessionTimeoutMs } }),
          health: true,
          metrics: true,
        }),
        StreamsModule.forFeature({ processors: [BalanceProcessor], stores: [Balances] }),
      ],
      providers: [
        BankTopics,
        {
          provide: DemoTraffic,
          useFactory: (producer: RecordProducer) => new DemoTraffic(producer, environment.demoTraffic),
          inject: [RecordProducer],
        },
      ],
    };
  }
}
