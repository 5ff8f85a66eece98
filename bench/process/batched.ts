// What a careful user writes: kafkajs `eachBatch`, one getMany and one write a batch, the changes of a batch in one send.
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { Stopwatch } from '../harness/child.js';
import { applyTransaction, type Balance, type Transaction } from '../harness/workload.js';
import { openRocksDb } from './rocksdb.js';

const [brokers, topic, changelog, groupId, directory, limit] = process.argv.slice(2);
const total = Number(limit);
const db = await openRocksDb(directory);
const getMany = promisify(db.getMany.bind(db)) as (keys: string[]) => Promise<(Buffer | undefined)[]>;
const write = promisify(db.batch.bind(db)) as (
  operations: { type: 'put'; key: string; value: string }[],
) => Promise<void>;
const kafka = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING });
const producer = kafka.producer({ idempotent: true });
const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, maxBytesPerPartition: 1 << 20 });
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
        const transactions = batch.messages.map((message) => JSON.parse(message.value!.toString()) as Transaction);
        const keys = [...new Set(transactions.map((tx) => tx.accountId))];
        const stored = await getMany(keys);
        const balances = new Map<string, Balance>();
        stored.forEach((value, index) => {
          if (value) balances.set(keys[index], JSON.parse(value.toString()) as Balance);
        });
        for (const tx of transactions) balances.set(tx.accountId, applyTransaction(balances.get(tx.accountId), tx));
        const operations = [];
        const messages = [];
        for (const key of keys) {
          const value = JSON.stringify(balances.get(key));
          operations.push({ type: 'put' as const, key, value });
          messages.push({ key, value, partition: batch.partition });
        }
        for (let from = 0; from < messages.length; from += 5000) {
          await producer.sendBatch({
            topicMessages: [{ topic: changelog, messages: messages.slice(from, from + 5000) }],
          });
        }
        await write(operations);
        resolveOffset(batch.lastOffset());
        await heartbeat();
        processed += transactions.length;
        if (processed >= total) resolve();
      },
    });
  })();
});
await finished;
stopwatch.finish(processed);
await rm(directory, { recursive: true, force: true });
process.exit(0);
