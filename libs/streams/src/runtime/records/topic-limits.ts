import type { RecordHeader } from '../../log/records/record-header.js';

/** What a topic refuses, as far as it is known before a record is sent. */
export interface TopicLimits {
  /** Of a batch with one record. Infinity where it is not known, or where records are compressed first. */
  readonly maxBytes: number;
  readonly needsKeys: boolean;
}

export const NO_LIMITS: TopicLimits = Object.freeze({ maxBytes: Infinity, needsKeys: false });

const BATCH_HEADER_BYTES = 61;
/** Length, attributes, two deltas, and the lengths of key, value and headers at their longest. */
const RECORD_OVERHEAD_BYTES = 5 + 1 + 10 + 5 + 5 + 5 + 5;
const HEADER_OVERHEAD_BYTES = 10;

/** An upper bound of a batch with this record alone; hot path (bench `process`) where there are no headers. */
export function sizeAlone(
  key: Uint8Array | null,
  value: Uint8Array | null,
  headers: readonly RecordHeader[] | undefined,
): number {
  let bytes = BATCH_HEADER_BYTES + RECORD_OVERHEAD_BYTES;
  if (key !== null) bytes += key.byteLength;
  if (value !== null) bytes += value.byteLength;
  if (headers !== undefined)
    for (const header of headers)
      bytes += HEADER_OVERHEAD_BYTES + Buffer.byteLength(header.name) + (header.value?.byteLength ?? 0);
  return bytes;
}
