// One instance with the whole of a large store: started, then counted and scanned over HTTP. Reports times and the resident size of each phase.
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
import { Stopwatch } from '../harness/child.js';

const [brokers, topic, applicationId, stateDir] = process.argv.slice(2) as [string, string, string, string];
const RSS_EVERY_MS = 20;
const extra: Record<string, number> = {};
const stopwatch = new Stopwatch();

@StateStore({ name: 'balances', key: 'string', value: json<unknown>(), engine: 'rocksdb', query: true })
class Balances extends KeyValueStore<string, unknown> {}

@StreamProcessor()
class BalanceProcessor {
  constructor(private readonly balances: Balances) {}

  @StreamHandler(topic, { key: 'string', value: json<{ readonly accountId: string }>() })
  apply(@Payload() balance: { readonly accountId: string }): void {
    this.balances.put(balance.accountId, balance);
  }
}

@Module({
  imports: [
    StreamsModule.forRoot({
      applicationId,
      instanceId: 'bench',
      kafka: { brokers: brokers.split(',') },
      stateDir,
      // The changelog was written by hand, so the group has no offsets.
      onOffsetsLost: 'earliest',
    }),
    StreamsModule.forFeature({ processors: [BalanceProcessor], stores: [Balances] }),
  ],
})
class LargeStoreModule {}

/** Notes how long `phase` takes and the highest resident size meanwhile. */
async function measure<T>(name: string, phase: () => Promise<T>): Promise<T> {
  let peak = 0;
  const look = (): void => void (peak = Math.max(peak, process.memoryUsage.rss()));
  const timer = setInterval(look, RSS_EVERY_MS);
  const startedAt = performance.now();
  const result = await phase();
  look();
  clearInterval(timer);
  extra[`${name} s`] = (performance.now() - startedAt) / 1000;
  extra[`${name} rss`] = peak;
  return result;
}

async function countOf(url: string, query = ''): Promise<number> {
  const response = await fetch(`${url}/stores/balances/count${query}`);
  return ((await response.json()) as { readonly count: number }).count;
}

async function linesOf(url: string): Promise<number> {
  const { body } = await fetch(`${url}/stores/balances/entries`, { headers: { accept: 'application/x-ndjson' } });
  let lines = 0;
  for await (const chunk of body!) for (const byte of chunk as Uint8Array) if (byte === 0x0a) lines++;
  // The last one says that all of them came.
  return lines - 1;
}

stopwatch.start();
const app = await measure('start', async () => {
  const started = await NestFactory.create(LargeStoreModule, new FastifyAdapter(), { logger: ['error', 'warn'] });
  await started.listen(0, '127.0.0.1');
  await started.get(StreamsHost).whenRunning();
  return started;
});
extra['memory limit'] = app.get(StreamsHost).config.memory.maxBytes;
const url = await app.getUrl();
await measure('approximate count', () => countOf(url, '?approximate=true'));
const counted = await measure('exact count', () => countOf(url));
await measure('20 exact counts', () => Promise.all(Array.from({ length: 20 }, () => countOf(url))));
const scanned = await measure('scan', () => linesOf(url));
if (scanned !== counted) throw new Error(`The scan found ${scanned} entries, and the count ${counted}.`);
stopwatch.finish(counted, extra);
await app.close();
process.exit(0);
