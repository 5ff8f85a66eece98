import { expect, it } from 'vitest';
import type { StateStore } from '../../stores/state-store.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { TaskStores } from './task-stores.js';

it('one store that cannot be closed keeps no other from being closed, and each failure is reported', async () => {
  const closed: string[] = [];
  const stores = ['a', 'b', 'c', 'd'].map((name) => ({
    definition: { name } as StoreDefinition,
    changelog: undefined,
    store: {
      close: async () => {
        closed.push(name);
        if (name === 'a' || name === 'c') throw new Error(`${name} is stuck.`);
      },
    } as StateStore,
  }));
  await expect(new TaskStores(stores).close()).rejects.toMatchObject({
    errors: [new Error('a is stuck.'), new Error('c is stuck.')],
  });
  expect(closed).toEqual(['a', 'b', 'c', 'd']);
});
