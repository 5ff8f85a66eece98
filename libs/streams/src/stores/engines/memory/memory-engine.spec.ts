import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeStoreEngineConformance } from '../../store-engine.conformance.js';
import { MemoryEngine } from './memory-engine.js';
import { OrderedKeys } from './ordered-keys.js';

describeStoreEngineConformance('memory', () => {
  const create = (): Promise<MemoryEngine> => Promise.resolve(new MemoryEngine());
  return Promise.resolve({ isPersistent: false, create, reopen: create, cleanUp: () => Promise.resolve() });
});

it('keeps keys in order over thousands of additions and removals', () => {
  const word = fc.string({ maxLength: 2 });
  const change = fc.tuple(word, fc.boolean());
  fc.assert(
    fc.property(
      fc.array(word),
      fc.array(change, { maxLength: 3000, size: 'max' }),
      word,
      word,
      (first, changes, from, to) => {
        const model = new Set(first);
        const keys = new OrderedKeys(model);
        for (const [key, isAdded] of changes) {
          if (isAdded) keys.add(key);
          else keys.delete(key);
          if (isAdded) model.add(key);
          else model.delete(key);
        }
        const sorted = [...model].sort();
        expect(keys.slice(undefined, undefined)).toEqual(sorted);
        expect(keys.slice(from, to)).toEqual(sorted.filter((key) => key >= from && key < to));
      },
    ),
    { numRuns: 30 },
  );
});
