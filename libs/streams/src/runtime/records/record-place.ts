import type { BadRecord } from '../../config/bad-record-policy.js';
import type { RecordChunk } from '../../log/records/record-chunk.js';

/** Returns where a record is and its own bytes, copied: who is told of it may keep them. */
export function placeOf(
  chunk: RecordChunk,
  index: number,
): Omit<BadRecord, 'phase' | 'attempt' | 'handler' | 'taskId' | 'error'> {
  const key = chunk.key(index);
  const value = chunk.value(index);
  return {
    topic: chunk.topic,
    partition: chunk.partition,
    offset: chunk.offsets[index]!,
    timestamp: chunk.timestamps[index]!,
    key: key && Buffer.from(key),
    value: value && Buffer.from(value),
    headers: chunk.headers(index).map((header) => ({ ...header })),
  };
}
