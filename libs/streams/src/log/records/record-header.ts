/** One header of a record; names may repeat and need not be unique (KIP-82). */
export interface RecordHeader {
  readonly name: string;
  readonly value: Uint8Array | null;
}
