import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processEnvironment, resolveConfig } from '../../libs/streams/src/config/resolve-config.js';
import type { StreamsOptions } from '../../libs/streams/src/config/streams-options.js';
import type { Log } from '../../libs/streams/src/log/log.js';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import type { StreamsLogger } from '../../libs/streams/src/observability/streams-logger.js';
import { noMetrics } from '../../libs/streams/src/observability/streams-metrics.js';
import { loadInstanceFile } from '../../libs/streams/src/runtime/state-directory/instance-file.js';
import { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import type { Serde } from '../../libs/streams/src/serdes/serde.js';
import { json, stringSerde } from '../../libs/streams/src/serdes/text-serdes.js';
import { memoryEngine } from '../../libs/streams/src/stores/engines/memory/memory-engine.js';
import { rocksDbEngine } from '../../libs/streams/src/stores/engines/rocksdb/rocksdb-engine-factory.js';
import type { KeyValueStore } from '../../libs/streams/src/stores/key-value/key-value-store.js';
import type { StoreEngineFactory } from '../../libs/streams/src/stores/store-engine.js';
import type { Clock } from '../../libs/streams/src/time/clock.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import type { ProcessorContext, RestoreProgress, TaskLifecycle } from '../../libs/streams/src/topology/processor.js';
import { TopologyBuilder } from '../../libs/streams/src/topology/topology-builder.js';
import type { Topology } from '../../libs/streams/src/topology/topology.js';

export interface Transaction {
  readonly id: string;
  readonly accountId: string;
  readonly amount: number;
}

export interface Balance {
  readonly balance: number;
  readonly count: number;
}

export interface BankTopics {
  readonly applicationId: string;
  readonly input: string;
  readonly output: string;
}

export interface BankOptions extends Partial<StreamsOptions> {
  /** Name of the store's engine. Default `rocksdb`. */
  readonly engine?: string;
  readonly engines?: readonly StoreEngineFactory[];
  readonly logger?: StreamsLogger;
  readonly clock?: Clock;
  /** Called with each transaction before it is applied. */
  readonly before?: (transaction: Transaction) => void | Promise<void>;
  /** Called once the store has the transaction. */
  readonly after?: (transaction: Transaction, context: ProcessorContext) => void;
  readonly lifecycle?: TaskLifecycle;
  /** The handler takes an account that it cannot read for a new one. */
  readonly swallowsReadErrors?: boolean;
  /** The store has no changelog. */
  readonly isUnlogged?: boolean;
}

/** Sums amounts by account; the whole example in one processor, without Nest. */
export function bankTopology(
  { applicationId, input, output }: BankTopics,
  {
    engine = 'rocksdb',
    before,
    after,
    lifecycle,
    swallowsReadErrors = false,
    isUnlogged = false,
  }: Pick<BankOptions, 'engine' | 'before' | 'after' | 'lifecycle' | 'swallowsReadErrors' | 'isUnlogged'> = {},
): Topology {
  const key = stringSerde as Serde<unknown>;
  const value = json<unknown>();
  return new TopologyBuilder()
    .addSource({ name: 'transactions', topic: input, key, value })
    .addProcessor({
      name: 'apply',
      parents: ['transactions'],
      stores: ['balances'],
      // What a prefetch cannot read, no handler sees.
      prefetch: swallowsReadErrors ? [] : [{ store: 'balances' }],
      supplier: {
        create: (task) => {
          const balances = task.store('balances') as KeyValueStore<string, Balance>;
          return {
            ...(lifecycle ? { lifecycle } : {}),
            process: async (context: ProcessorContext) => {
              const transaction = context.value as Transaction;
              const ready = before?.(transaction);
              if (ready !== undefined) await ready;
              const read = Promise.resolve(balances.get(transaction.accountId));
              const found = (await (swallowsReadErrors ? read.catch(() => undefined) : read)) ?? {
                balance: 0,
                count: 0,
              };
              const balance: Balance = { balance: found.balance + transaction.amount, count: found.count + 1 };
              balances.put(transaction.accountId, balance);
              after?.(transaction, context);
              return { id: transaction.id, ...balance };
            },
          };
        },
      },
    })
    .addSink({ name: 'updates', parents: ['apply'], topic: output, key, value })
    .addStore({
      name: 'balances',
      kind: 'key-value',
      key,
      value,
      engine,
      changelog: { isEnabled: !isUnlogged, config: {} },
      isQueryable: true,
      restorePriority: 0,
    })
    .build({ applicationId });
}

export function bankInstance(topics: BankTopics, log: Log, options: BankOptions = {}): StreamsInstance {
  const {
    engine,
    engines = [memoryEngine(), rocksDbEngine()],
    logger = quiet,
    clock = new SystemClock(),
    before,
    after,
    lifecycle,
    swallowsReadErrors,
    isUnlogged,
    ...rest
  } = options;
  const config = resolveConfig(
    { applicationId: topics.applicationId, stateDir: temporaryFolder(), ...rest },
    processEnvironment((stateDir, applicationId) => loadInstanceFile(stateDir, applicationId).generatedInstanceId),
  );
  return new StreamsInstance({
    config,
    topology: bankTopology(topics, { engine, before, after, lifecycle, swallowsReadErrors, isUnlogged }),
    log,
    engines: new Map(engines.map((factory) => [factory.name, factory])),
    clock,
    logger,
    metrics: noMetrics,
  });
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'streams-'));
}

/** Counts what each task restored, from the hooks. */
export class RestoreCounts implements TaskLifecycle {
  private readonly byTask = new Map<string, number>();

  onRestoreProgress({ taskId, restoredRecords }: RestoreProgress): void {
    this.byTask.set(taskId, restoredRecords);
  }

  get total(): number {
    return [...this.byTask.values()].reduce((sum, count) => sum + count, 0);
  }
}

export const quiet: StreamsLogger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
};

/** Prints everything; for a test under investigation. */
export const loud: StreamsLogger = {
  debug: (message) => process.stderr.write(`DEBUG ${message}\n`),
  info: (message) => process.stderr.write(`INFO ${message}\n`),
  warn: (message) => process.stderr.write(`WARN ${message}\n`),
  error: (message, cause) => process.stderr.write(`ERROR ${message} ${String(cause)}\n`),
};

export function transactions(count: number, accounts: number, from = 0): Transaction[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `t${from + i}`,
    accountId: `acc-${(from + i) % accounts}`,
    amount: 1 + ((from + i) % 100),
  }));
}

export function model(all: readonly Transaction[]): Map<string, Balance> {
  const balances = new Map<string, Balance>();
  for (const { accountId, amount } of all) {
    const before = balances.get(accountId) ?? { balance: 0, count: 0 };
    balances.set(accountId, { balance: before.balance + amount, count: before.count + 1 });
  }
  return balances;
}

/** Appends the transactions, partitioned by account. */
export async function produce(log: Log, topic: string, partitions: number, all: readonly Transaction[]): Promise<void> {
  const producer = log.openProducer({ role: 'test' });
  for (const transaction of all) {
    const key = Buffer.from(transaction.accountId);
    const value = Buffer.from(JSON.stringify(transaction));
    if (!producer.append(topic, partitionForKey(key, partitions), key, value, Date.now())) await producer.drain();
  }
  await producer.flush();
  await producer.close();
}

/** The committed entries of a store that this instance holds, all partitions together. */
export async function storeContent(instance: StreamsInstance, store = 'balances'): Promise<Map<string, Balance>> {
  const found = instance.queryableStore(store)!;
  const content = new Map<string, Balance>();
  for (let partition = 0; partition < found.partitionCount; partition++) {
    const view = found.local(partition)?.view;
    if (view === undefined) continue;
    const cursor = view.openCursor({}, { reverse: false });
    for (;;) {
      const { keys, values } = await cursor.next(1000);
      if (keys.length === 0) break;
      keys.forEach((key, i) =>
        content.set(Buffer.from(key).toString(), JSON.parse(Buffer.from(values[i]!).toString()) as Balance),
      );
    }
    await cursor.close();
  }
  return content;
}

/** The last value of each key, without tombstones. */
export function latest(records: readonly { key: string | null; value: string | null }[]): Map<string, Balance> {
  const content = new Map<string, Balance>();
  for (const { key, value } of records) {
    if (value === null) content.delete(key!);
    else content.set(key!, JSON.parse(value) as Balance);
  }
  return content;
}
