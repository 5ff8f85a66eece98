import { expect, it } from 'vitest';
import { MemoryEngine } from './engines/memory/memory-engine.js';
import type { StoreCursor } from './store-engine.js';
import { describeStoreEngineConformance } from './store-engine.conformance.js';
import { WatchedEngine } from './watched-engine.js';

describeStoreEngineConformance('watched memory', () => {
  const create = (): Promise<WatchedEngine> => Promise.resolve(new WatchedEngine(new MemoryEngine(), (error) => error));
  return Promise.resolve({ isPersistent: false, create, reopen: create, cleanUp: () => Promise.resolve() });
});

it('shows every error of a read or write before the caller gets it', async () => {
  class Broken extends MemoryEngine {
    override getMany(): Promise<never> {
      return Promise.reject(new Error('The disk is away.'));
    }

    override openCursor(): StoreCursor {
      return { next: () => Promise.reject(new Error('The cursor is closed.')), close: () => Promise.resolve() };
    }
  }
  const met: string[] = [];
  const engine = new WatchedEngine(new Broken(), (error, at) => {
    met.push(at);
    return new Error('Seen.', { cause: error });
  });
  await engine.open();
  await expect(engine.getMany([Buffer.from('a')])).rejects.toThrow('Seen.');
  const cursor = engine.openCursor({}, { reverse: false });
  await expect(cursor.next(1)).rejects.toThrow('Seen.');
  expect(met).toEqual(['engine', 'cursor']);
});
