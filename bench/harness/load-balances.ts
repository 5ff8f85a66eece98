import type { BenchBroker } from './broker.js';
import { loadTopic } from './load-topic.js';
import type { Progress } from './report.js';
import { PARTITIONS } from './workload.js';

export interface BalancesOptions {
  readonly changelog: string;
  /** The topic that the store is fed from; it stays empty. */
  readonly source: string;
  readonly entries: number;
  readonly progress: Progress;
}

/** Writes the changelog of a store of balances, entries of about 100 bytes, as an application would have left it. */
export async function loadBalances(
  broker: BenchBroker,
  { changelog, source, entries, progress }: BalancesOptions,
): Promise<void> {
  progress(`loading ${entries} entries`);
  await broker.createTopic(source, PARTITIONS);
  const config = { 'cleanup.policy': 'compact' };
  const load = { topic: changelog, partitions: PARTITIONS, records: entries, config, progress };
  await loadTopic(broker.brokers, load, (index) => ({
    key: `acc-${String(index).padStart(7, '0')}`,
    value: balance(index),
  }));
}

/** About 90 bytes of JSON. */
function balance(index: number): string {
  return JSON.stringify({ accountId: `acc-${index}`, balance: index * 7, count: index % 100, note: 'x'.repeat(24) });
}
