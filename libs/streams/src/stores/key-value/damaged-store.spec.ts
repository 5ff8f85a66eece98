import { expect, it } from 'vitest';
import { StoreCorruptedError } from '../../errors/store-corrupted-error.js';
import type { Serde } from '../../serdes/serde.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { MemoryEngine } from '../engines/memory/memory-engine.js';
import { createStateStore } from '../state-store-factory.js';
import type { KeyValueStore } from './key-value-store.js';

const definition: StoreDefinition = {
  name: 'balances',
  kind: 'key-value',
  key: stringSerde as Serde<unknown>,
  value: json<unknown>(),
  engine: 'memory',
  changelog: { isEnabled: true, config: {} },
  isQueryable: false,
  restorePriority: 0,
};

it('tells of damage once, and rejects nothing that nobody handles, where what was deleted cannot be read', async () => {
  const damage = new StoreCorruptedError('balances', '0_0', 'a block is damaged');
  class DamagedEngine extends MemoryEngine {
    override getMany(): Promise<never> {
      return Promise.reject(damage);
    }
  }
  const seen: unknown[] = [];
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  const onDamage = (error: unknown): void => void seen.push(error);
  const store = createStateStore(definition, new DamagedEngine(), { freezeValues: true, onDamage });
  const balances = store.facade as KeyValueStore<string, unknown>;
  await store.open();
  process.on('unhandledRejection', note);
  try {
    void balances.delete('a');
    void balances.delete('b');
    await expect(balances.delete('c')).rejects.toBe(damage);
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('unhandledRejection', note);
  }
  expect(unhandled).toEqual([]);
  expect(seen).toEqual([damage]);
});
