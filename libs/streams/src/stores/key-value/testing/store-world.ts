import { MemoryEngine } from '../../engines/memory/memory-engine.js';
import { json, stringSerde } from '../../../serdes/text-serdes.js';
import type { Serde } from '../../../serdes/serde.js';
import type { StoreDefinition } from '../../../topology/store-definition.js';
import type { StateStore } from '../../state-store.js';
import { createStateStore } from '../../state-store-factory.js';
import type { KeyValueStore } from '../key-value-store.js';

export type Value = { n: number };

export function definition(key: Serde<unknown> = stringSerde as Serde<unknown>): StoreDefinition {
  return {
    name: 'balances',
    kind: 'key-value',
    key,
    value: json<unknown>(),
    engine: 'memory',
    changelog: { isEnabled: true, config: {} },
    isQueryable: false,
    restorePriority: 0,
  };
}

/** Counts its reads, and can be told to answer the next one later. */
export class CountingEngine extends MemoryEngine {
  reads = 0;
  failsNext = false;
  private hold: Promise<void> | undefined;

  holdReads(): () => void {
    let release = (): void => {};
    this.hold = new Promise((resolve) => {
      release = resolve;
    });
    return () => {
      this.hold = undefined;
      release();
    };
  }

  override async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    this.reads++;
    if (this.failsNext) {
      this.failsNext = false;
      throw new Error('The disk is away.');
    }
    const values = await super.getMany(keys);
    await this.hold;
    return values;
  }
}

export async function world(
  key?: Serde<unknown>,
): Promise<{ engine: CountingEngine; store: StateStore; balances: KeyValueStore<string, Value> }> {
  const engine = new CountingEngine();
  const store = createStateStore(definition(key), engine, { freezeValues: true });
  await store.open();
  return { engine, store, balances: store.facade as KeyValueStore<string, Value> };
}

/** Commits what is dirty. @returns each change as `key=value`. */
export async function commit(store: StateStore): Promise<string[]> {
  const changes: string[] = [];
  const prepared = await store.prepareCommit((key, value) =>
    changes.push(`${Buffer.from(key).toString()}=${value ? Buffer.from(value).toString() : ''}`),
  );
  await store.applyCommit(prepared, (store.position ?? 0) + 1);
  return changes;
}
