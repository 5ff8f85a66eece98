// Imports the built library under plain `node` and stores something through each engine: what a test runner resolves for itself, Node may not.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { createKafkaLog, memoryEngine, rocksDbEngine, SystemClock } = await import('../libs/streams/dist/index.js');

const directory = await mkdtemp(join(tmpdir(), 'streams-smoke-'));
for (const factory of [memoryEngine(), rocksDbEngine()]) {
  await factory.prepare();
  const engine = factory.create({ storeName: 'smoke', taskId: '0_0', directory, memoryMaxBytes: 1 << 20 });
  await engine.open();
  await engine.write({ keys: [Buffer.from('a')], values: [Buffer.from('1')] }, 1);
  const [value] = await engine.getMany([Buffer.from('a')]);
  assert.equal(Buffer.from(value).toString(), '1');
  await engine.close();
  console.log(`${factory.name} stores and answers on Node ${process.version}`);
}
await rm(directory, { recursive: true, force: true });
const log = createKafkaLog({ brokers: ['127.0.0.1:1'] }, { clock: new SystemClock() });
await assert.rejects(log.connect(), { name: 'LogError', kind: 'retriable' });
await log.close();
console.log('an unreachable broker is a retriable error');
