import { Payload } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  json,
  KeyValueStore,
  RecordProducer,
  StateStore,
  StreamHandler,
  StreamProcessor,
  StreamsModule,
} from 'nestjs-streams';
import { describeStoreEngineConformance } from 'nestjs-streams/testing';
import { expect, it } from 'vitest';
import { jsonFileEngine } from './json-file-engine.js';

describeStoreEngineConformance('json-file, a custom one', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'json-file-'));
  const factory = jsonFileEngine();
  const create = async () =>
    factory.create({ storeName: 'balances', taskId: '0_0', directory, memoryMaxBytes: 1 << 20 });
  return {
    isPersistent: factory.isPersistent,
    create,
    reopen: create,
    cleanUp: () => rm(directory, { recursive: true, force: true }),
  };
});

@StateStore({ name: 'balances', key: 'string', value: json<number>(), engine: 'json-file' })
class Balances extends KeyValueStore<string, number> {}

@StreamProcessor()
class Payments {
  constructor(private readonly balances: Balances) {}

  @StreamHandler('payments')
  pay(@Payload() { to, amount }: { to: string; amount: number }): void {
    this.balances.put(to, amount);
  }
}

it('a store of an application may live in a custom engine', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'json-file-'));
  const embedded = { topics: { payments: { partitions: 1 } } };
  const module = await Test.createTestingModule({
    imports: [
      StreamsModule.forRoot({ applicationId: 'bank', stateDir, embedded, engines: [jsonFileEngine()] }),
      StreamsModule.forFeature({ processors: [Payments], stores: [Balances] }),
    ],
  }).compile();
  module.useLogger(false);
  const file = join(stateDir, 'bank', '0_0', 'json-file', 'balances', 'entries.json');
  const hex = (text: string): string => Buffer.from(text).toString('hex');
  try {
    await module.init();
    await module.get(RecordProducer).send('payments', { key: 'p', value: { to: 'ann', amount: 42 } });
    await expect
      .poll(() => JSON.parse(readFileSync(file, 'utf8')) as unknown)
      .toEqual({ position: 1, entries: [[hex('ann'), hex('42')]] });
  } finally {
    await module.close();
    await rm(stateDir, { recursive: true, force: true });
  }
});
