import type { Serde } from '../../libs/streams/src/serdes/serde.js';
import { json, stringSerde } from '../../libs/streams/src/serdes/text-serdes.js';
import type { KeyValueStore } from '../../libs/streams/src/stores/key-value/key-value-store.js';
import type { ProcessorContext } from '../../libs/streams/src/topology/processor.js';
import { TopologyBuilder } from '../../libs/streams/src/topology/topology-builder.js';
import type { Topology } from '../../libs/streams/src/topology/topology.js';

export interface Entry {
  readonly id: number;
  readonly account: string;
  readonly amount: number;
  /** Deletes the account. */
  readonly closes?: boolean;
}

export interface Ledger {
  readonly lastId: number;
  readonly count: number;
  readonly balance: number;
  /** Differs each time a record is handled, so that work that was thrown away can be told from work that was kept. */
  readonly attempt: number;
}

/**
 * Sums entries by account until one closes it, and sends each sum to `out`.
 * @param pause what the handler waits for before it begins, if anything.
 */
export function ledgerTopology(
  applicationId: string,
  nextAttempt: () => number,
  pause: () => Promise<void> | undefined,
): Topology {
  const key = stringSerde as Serde<unknown>;
  const value = json<unknown>();
  return new TopologyBuilder()
    .addSource({ name: 'entries', topic: 'in', key, value })
    .addProcessor({
      name: 'apply',
      parents: ['entries'],
      stores: ['ledgers'],
      prefetch: [{ store: 'ledgers' }],
      supplier: {
        create: (task) => {
          const ledgers = task.store('ledgers') as KeyValueStore<string, Ledger>;
          return {
            process: async (context: ProcessorContext) => {
              const pausing = pause();
              if (pausing !== undefined) await pausing;
              const { id, account, amount, closes = false } = context.value as Entry;
              const before = await ledgers.get(account);
              const ledger: Ledger = {
                lastId: id,
                count: closes ? 0 : (before?.count ?? 0) + 1,
                balance: closes ? 0 : (before?.balance ?? 0) + amount,
                attempt: nextAttempt(),
              };
              if (closes) void ledgers.delete(account);
              else ledgers.put(account, ledger);
              return ledger;
            },
          };
        },
      },
    })
    .addSink({ name: 'updates', parents: ['apply'], topic: 'out', key, value })
    .addStore({
      name: 'ledgers',
      kind: 'key-value',
      key,
      value,
      engine: 'simulated',
      changelog: { isEnabled: true, config: {} },
      isQueryable: true,
      restorePriority: 0,
    })
    .build({ applicationId });
}
