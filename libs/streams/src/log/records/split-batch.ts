import { BatchBuilder } from './batch-builder.js';
import { decodeRecords } from './record-decoder.js';

/** The records of a batch in order, in two batches or more, none of more than half its bytes unless it holds one record. */
export function splitBatch(batch: BatchBuilder): BatchBuilder[] {
  const maxBytes = Math.ceil(batch.byteLength / 2);
  const chunk = decodeRecords({
    topic: '',
    partition: 0,
    position: 0,
    isolation: 'read_uncommitted',
    records: batch.finish(),
    aborted: [],
    highWatermark: 0,
    lastStableOffset: 0,
    logStartOffset: 0,
  });
  const parts: BatchBuilder[] = [];
  for (let i = 0; i < chunk.count; i++) {
    const headers = chunk.headers(i);
    const record = [chunk.key(i), chunk.value(i), chunk.timestamps[i]!, headers] as const;
    if (parts.at(-1)?.append(...record) === true) continue;
    const part = new BatchBuilder(maxBytes);
    part.append(...record);
    parts.push(part);
  }
  return parts;
}
