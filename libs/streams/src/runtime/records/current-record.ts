import type { RecordChunk } from '../../log/records/record-chunk.js';
import type { RecordHeader } from '../../log/records/record-header.js';

const NO_HEADERS: readonly RecordHeader[] = Object.freeze([]);

/** The record that a task handles right now: one object for the task's whole life, so that a record costs no allocation (bench `process`). */
export class CurrentRecord {
  topic = '';
  partition = 0;
  offset = -1;
  timestamp = 0;
  key: unknown = null;
  value: unknown = null;
  private chunk: RecordChunk | undefined;
  private index = 0;
  private ownHeaders: readonly RecordHeader[] | undefined;

  /** Decodes headers only when somebody asks. */
  get headers(): readonly RecordHeader[] {
    return (this.ownHeaders ??= this.chunk?.headers(this.index) ?? NO_HEADERS);
  }

  get hasHeaders(): boolean {
    return this.ownHeaders === undefined
      ? this.chunk !== undefined && this.chunk.headerStarts[this.index]! >= 0
      : this.ownHeaders.length > 0;
  }

  read(chunk: RecordChunk, index: number, key: unknown, value: unknown): void {
    this.topic = chunk.topic;
    this.partition = chunk.partition;
    this.offset = chunk.offsets[index]!;
    this.timestamp = chunk.timestamps[index]!;
    this.key = key;
    this.value = value;
    this.chunk = chunk;
    this.index = index;
    this.ownHeaders = undefined;
  }

  /** The record of the source that this one is or came from; undefined outside any record. */
  source(): { readonly chunk: RecordChunk; readonly index: number } | undefined {
    return this.chunk === undefined ? undefined : { chunk: this.chunk, index: this.index };
  }

  /** A record made by a processor; it keeps the place of the one it came from. */
  become(key: unknown, value: unknown, timestamp: number, headers: readonly RecordHeader[]): void {
    this.key = key;
    this.value = value;
    this.timestamp = timestamp;
    this.ownHeaders = headers;
  }

  /** Outside any record, for hooks that forward. */
  clear(timestamp: number): void {
    this.chunk = undefined;
    this.offset = -1;
    this.become(null, null, timestamp, NO_HEADERS);
  }
}
