import { expect, it } from 'vitest';
import { stringSerde } from '../../serdes/text-serdes.js';
import type { Serde } from '../../serdes/serde.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { MemoryEngine } from '../engines/memory/memory-engine.js';
import { createStateStore } from '../state-store-factory.js';
import type { KeyValueStore } from './key-value-store.js';

const text = stringSerde as Serde<unknown>;

it('a store refuses to write while its gate is closed, and says what was refused; reads go on', async () => {
  const gate = { isOpen: true, refusal: (operation: string) => new Error(`Refused ${operation}.`) };
  const store = createStateStore({ name: 'counts', key: text, value: text } as StoreDefinition, new MemoryEngine(), {
    freezeValues: true,
    gate,
  });
  await store.open();
  const facade = store.facade as KeyValueStore<string, string>;
  facade.put('k', 'in time');
  gate.isOpen = false;
  expect(() => facade.put('k', 'late')).toThrow('Refused put on the store "counts".');
  expect(() => facade.putAll([['k', 'late']])).toThrow('Refused put');
  expect(() => facade.delete('k')).toThrow('Refused delete on the store "counts".');
  await expect(facade.putIfAbsent('other', 'late')).rejects.toThrow('Refused put');
  expect(await facade.get('k')).toBe('in time');
  expect(store.changes).toBe(1);
});
