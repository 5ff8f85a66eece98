import type { RecordChunk } from '../../log/records/record-chunk.js';
import type { Prefetch, ProcessorNode, SourceNode } from '../../topology/topology.js';
import { UNDECODABLE, type ChunkPins, type ChunkPrefetch } from './source-queue.js';
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
    const isPlain = !keys.includes(UNDECODABLE) && !keys.includes(null);
    const pinned: ChunkPins[] = [];
    const loads: Promise<void>[] = [];
    for (const { prefetch, store } of wanted) {
      const asked = prefetch.key === undefined && isPlain ? keys : keysOf(prefetch, chunk, keys, source);
      const pins = new Array<unknown>(keys.length);
      const load = store.prefetch(asked, pins);
      if (load !== undefined) loads.push(load);
      pinned.push({ store, keys: asked, pins });
    }
    return { ready: loads.length === 0 ? undefined : Promise.all(loads).then(() => undefined), pinned };
  };
}

/** The key that each record's handler will ask for, by index; undefined where that cannot be told. */
function keysOf({ key: keyOf }: Prefetch, chunk: RecordChunk, keys: readonly unknown[], source: SourceNode): unknown[] {
  const wanted = new Array<unknown>(keys.length);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (key === UNDECODABLE) continue;
    if (keyOf === undefined) {
      if (key !== null) wanted[i] = key;
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
      if (chosen !== null) wanted[i] = chosen;
    } catch {
      continue;
    }
  }
  return wanted;
}
