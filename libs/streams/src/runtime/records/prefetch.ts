import type { StateStore } from '../../stores/state-store.js';
import type { RecordChunk } from '../../log/records/record-chunk.js';
import type { Prefetch, ProcessorNode, SourceNode } from '../../topology/topology.js';
import { UNDECODABLE, type ChunkHints, type ChunkPrefetch } from './source-queue.js';
import type { TaskStores } from '../task/task-stores.js';

/**
 * Loads what the processors of a source declared to read, with one engine read a store and chunk (design 3). A key that cannot be told or
 * serialised is left out: the handler meets the error itself, with its record.
 */
export function chunkPrefetch(
  nodes: readonly ProcessorNode[],
  stores: TaskStores,
  source: SourceNode,
): ChunkPrefetch | undefined {
  const wanted = nodes.flatMap((node) =>
    node.prefetch.map((prefetch) => ({ prefetch, store: stores.get(prefetch.store)!.store })),
  );
  if (wanted.length === 0) return undefined;
  return (chunk, keys) => {
    const isComplete = !keys.includes(UNDECODABLE) && !keys.includes(null);
    const hints: ChunkHints[] = [];
    const loads = wanted.flatMap(({ prefetch, store }) => {
      if (prefetch.key !== undefined || !isComplete) return load(store, keysOf(prefetch, chunk, keys, source)) ?? [];
      const ofStore = new Array<unknown>(keys.length);
      hints.push({ store, hints: ofStore });
      return load(store, keys, ofStore) ?? [];
    });
    return { ready: loads.length === 0 ? undefined : Promise.all(loads).then(() => undefined), hints };
  };
}

function keysOf({ key: keyOf }: Prefetch, chunk: RecordChunk, keys: readonly unknown[], source: SourceNode): unknown[] {
  const wanted: unknown[] = [];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (key === UNDECODABLE) continue;
    if (keyOf === undefined) {
      if (key !== null) wanted.push(key);
      continue;
    }
    try {
      const chosen = keyOf({
        key,
        get value() {
          const bytes = chunk.value(i);
          return bytes === null ? null : source.value.deserialize(bytes);
        },
      });
      if (chosen !== undefined && chosen !== null) wanted.push(chosen);
    } catch {
      continue;
    }
  }
  return wanted;
}

function load(store: StateStore, keys: readonly unknown[], hints?: unknown[]): Promise<void> | undefined {
  try {
    return store.prefetch(keys, hints);
  } catch {
    return undefined;
  }
}
