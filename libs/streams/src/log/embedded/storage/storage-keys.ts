import { writeInt64 } from '../../../bytes/int64.js';

/** The first byte of a key says what it holds. */
export type RecordKind = 'topic' | 'bounds' | 'offset' | 'transaction' | 'broker';

const TAGS = { topic: 't', bounds: 'p', offset: 'o', transaction: 'x', broker: 'm' } as const;
const BATCH_TAG = 'b'.charCodeAt(0);

/** Key of a JSON record. */
export function recordKey(kind: RecordKind, name: string): Uint8Array {
  return Buffer.from(TAGS[kind] + name);
}

/** The keys of all records of a kind: from the first, inclusive, to the second, exclusive. */
export function recordRange(kind: RecordKind): { gte: Uint8Array; lt: Uint8Array } {
  const tag = TAGS[kind].charCodeAt(0);
  return { gte: Buffer.from([tag]), lt: Buffer.from([tag + 1]) };
}

/** Batches of a partition lie beside each other, in the order of their offsets. */
export function batchKey(topicId: number, partition: number, baseOffset: number): Uint8Array {
  const key = Buffer.allocUnsafe(17);
  key[0] = BATCH_TAG;
  key.writeUInt32BE(topicId, 1);
  key.writeUInt32BE(partition, 5);
  writeInt64(key, baseOffset, 9);
  return key;
}

export function batchRange(topicId: number, partition: number): { gte: Uint8Array; lt: Uint8Array } {
  return { gte: batchKey(topicId, partition, 0), lt: batchKey(topicId, partition + 1, 0) };
}
