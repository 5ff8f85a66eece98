// What many people write today: kafkajs `eachBatch`, an awaited get and put a record, the changes of a batch sent at its end.
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { Stopwatch } from '../harness/child.js';
import { applyTransaction, type Balance, type Transaction } from '../harness/workload.js';
import { openRocksDb } from './rocksdb.js';

const [brokers, topic, changelog, groupId, directory, limit] = process.argv.slice(2);
const total = Number(limit);
const db = await openRocksDb(directory);
const get = promisify(db.get.bind(db)) as (key: string) => Promise<Buffer>;
const put = promisify(db.put.bind(db)) as (key: string, value: string) => Promise<void>;
const kafka = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING });
const producer = kafka.producer({ idempotent: true });
const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
const stopwatch = new Stopwatch();
let processed = 0;
const finished = new Promise<void>((resolve) => {
  void (async () => {
    await producer.connect();
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
        stopwatch.start();
        const messages = [];
        for (const message of batch.messages) {
          if (processed >= total) break;
          const tx = JSON.parse(message.value!.toString()) as Transaction;
          const stored = await get(tx.accountId).catch(() => undefined);
          const after = applyTransaction(stored && (JSON.parse(stored.toString()) as Balance), tx);
          const value = JSON.stringify(after);
          await put(tx.accountId, value);
          messages.push({ key: tx.accountId, value, partition: batch.partition });
          resolveOffset(message.offset);
          processed++;
        }
        await producer.sendBatch({ topicMessages: [{ topic: changelog, messages }] });
        await heartbeat();
        if (processed >= total) resolve();
      },
    });
  })();
});
await finished;
stopwatch.finish(processed);
await rm(directory, { recursive: true, force: true });
process.exit(0);
