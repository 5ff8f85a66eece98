import { BatchAttribute, readBatchHeader } from '../../records/batch-header.js';

/** What the log keeps in memory of one record batch; its bytes may lie in the storage only. */
export interface StoredBatch {
  readonly topicId: number;
  readonly partition: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly byteLength: number;
  readonly maxTimestamp: number;
  readonly isControl: boolean;
  readonly appendedAtMs: number;
  /** Absent once the cache has let them go. */
  bytes: Buffer | undefined;
}

export interface BatchPlace {
  readonly topicId: number;
  readonly partition: number;
}

/** @throws RangeError if `bytes` are not one whole v2 batch. */
export function storedBatch({ topicId, partition }: BatchPlace, bytes: Buffer, appendedAtMs: number): StoredBatch {
  const header = readBatchHeader(bytes, 0);
  if (header === undefined) throw new RangeError(`${bytes.length} bytes are no whole record batch`);
  return {
    topicId,
    partition,
    baseOffset: header.baseOffset,
    lastOffset: header.lastOffset,
    byteLength: bytes.length,
    maxTimestamp: header.maxTimestamp,
    isControl: (header.attributes & BatchAttribute.control) !== 0,
    appendedAtMs,
    bytes,
  };
}
