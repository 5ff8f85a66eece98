import type { BadRecord, BadRecordAction } from '../../config/bad-record-policy.js';
import type { BatchTooLargeError } from '../../errors/batch-too-large-error.js';
import { placeholderChunk, type RecordChunk } from '../../log/records/record-chunk.js';
import type { Serde } from '../../serdes/serde.js';
import type { StateStore } from '../../stores/state-store.js';
import type { SourceNode } from '../../topology/topology.js';
import type { ProcessorRuntime } from './processor-runtime.js';
import type { SinkWriter } from './output.js';

/** Chunks waiting beside the one in work; two keep the reader one fetch ahead. */
const MAX_CHUNKS = 2;

/** Stands for a key or value that could not be decoded; the error is found again when the record's turn comes. */
export const UNDECODABLE = Symbol('undecodable');

export interface RejectedRecord {
  readonly failure: BadRecord;
  /** What the policy said; undefined before it was asked. */
  action: BadRecordAction | undefined;
  /** The policy wants it to be handled again. */
  isRetried: boolean;
}

/** What a store keeps for the records of a chunk, by their index, until they were handled. */
export interface ChunkPins {
  readonly store: StateStore;
  readonly keys: readonly unknown[];
  readonly pins: readonly unknown[];
}

/** What was asked of the stores for a chunk. */
export interface PrefetchedChunk {
  readonly ready: Promise<void> | undefined;
  readonly pinned: readonly ChunkPins[];
}

interface QueuedChunk {
  readonly chunk: RecordChunk;
  /** Typed keys, decoded when something is prefetched by them. */
  readonly keys: unknown[] | undefined;
  /** Settles when what the handlers will read has been loaded. */
  ready: Promise<void> | undefined;
  readonly pinned: readonly ChunkPins[];
  /** The chunk stands for a batch that was not decoded: the key of its only record throws this. */
  readonly failure: BatchTooLargeError | undefined;
  /** Position behind it: behind markers and deleted records that follow its own. */
  nextOffset: number;
}

/** Loads into stores what the records of a chunk will ask for. */
export type ChunkPrefetch = (chunk: RecordChunk, keys: readonly unknown[]) => PrefetchedChunk;

const NO_PINS: readonly ChunkPins[] = Object.freeze([]);

/** The fetched, unprocessed records of one source partition of a task. */
export class SourceQueue {
  private readonly waiting: QueuedChunk[] = [];
  private index = 0;
  private readonly decodeKey: Decoder;
  private readonly decodeValue: Decoder;
  /** Offset of the next record to process; what a commit commits. */
  position = -1;
  /** What was last committed. */
  committed = -1;
  /** End of the partition as of the last fetch. */
  end = -1;
  /** Records since the counter was last read. */
  processed = 0;
  /** Of the chunks that wait, the one in work included. */
  bytes = 0;
  /** Its records wait; set between two rounds of the loop. */
  isPaused = false;
  /** Bad records since the last commit, by offset: where work is done again, they are not handled again. */
  readonly rejected = new Map<number, RejectedRecord>();

  constructor(
    readonly source: SourceNode,
    readonly partition: number,
    /** Processors and sinks that this topic feeds. */
    readonly processors: readonly ProcessorRuntime[],
    readonly sinks: readonly SinkWriter[],
    private readonly prefetch: ChunkPrefetch | undefined,
  ) {
    this.decodeKey = decoderOf(source.key);
    this.decodeValue = decoderOf(source.value);
  }

  get topic(): string {
    return this.source.topic;
  }

  get isFull(): boolean {
    return this.waiting.length >= MAX_CHUNKS;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** Begins at `offset`, with nothing waiting. */
  reset(offset: number): void {
    for (const chunk of this.waiting)
      for (let i = chunk === this.waiting[0] ? this.index : 0; i < chunk.chunk.count; i++) releasePins(chunk, i);
    this.waiting.length = 0;
    this.bytes = 0;
    this.index = 0;
    this.position = offset;
    this.committed = offset;
  }

  /** Takes over what the former queue of the partition decided, not its records. */
  succeed(former: SourceQueue): void {
    for (const [offset, rejected] of former.rejected) this.rejected.set(offset, rejected);
    this.isPaused = former.isPaused;
    this.end = former.end;
    this.reset(former.committed);
  }

  /** Goes on at `offset` behind what waits here; what was done before remains to be committed. */
  skipTo(offset: number): void {
    const last = this.waiting.at(-1);
    if (last === undefined) this.position = offset;
    else last.nextOffset = offset;
  }

  /** Everything before `offset` is decided. */
  commit(offset: number): void {
    this.committed = offset;
    for (const rejected of this.rejected.keys()) if (rejected < offset) this.rejected.delete(rejected);
  }

  push(chunk: RecordChunk): void {
    this.end = chunk.bounds.highWatermark;
    let keys: unknown[] | undefined;
    let ready: Promise<void> | undefined;
    let pinned = NO_PINS;
    if (this.prefetch !== undefined && chunk.count > 0) {
      keys = new Array<unknown>(chunk.count);
      for (let i = 0; i < chunk.count; i++) keys[i] = this.tryKey(chunk, i);
      ({ ready, pinned } = this.prefetch(chunk, keys));
      // Met by whoever processes the chunk; until then nobody waits for it.
      ready?.catch(() => undefined);
    }
    this.bytes += chunk.heldBytes;
    this.waiting.push({ chunk, keys, ready, pinned, failure: undefined, nextOffset: chunk.bounds.nextOffset });
    if (chunk.count === 0 && this.waiting.length === 1) this.skipEmpty();
  }

  /** Queues a batch that was not decoded as one record, which cannot be decoded either, so that the policy decides about it in its turn. */
  pushUndecoded(failure: BatchTooLargeError): void {
    const nextOffset = failure.lastOffset + 1;
    if (nextOffset > this.end) this.end = nextOffset;
    const chunk = placeholderChunk(failure.topic, failure.partition, failure.firstOffset, failure.timestamp, {
      nextOffset,
      highWatermark: this.end,
      lastStableOffset: this.end,
      logStartOffset: -1,
    });
    this.bytes += chunk.heldBytes;
    this.waiting.push({ chunk, keys: undefined, ready: undefined, pinned: NO_PINS, failure, nextOffset });
  }

  /** What has to be awaited before the next record; undefined when it is there. */
  pending(): Promise<void> | undefined {
    const head = this.waiting[0];
    const ready = head?.ready;
    if (ready === undefined) return undefined;
    head!.ready = undefined;
    return ready;
  }

  get chunk(): RecordChunk {
    return this.waiting[0]!.chunk;
  }

  get recordIndex(): number {
    return this.index;
  }

  get headTimestamp(): number {
    return this.chunk.timestamps[this.index]!;
  }

  /** Tells the stores which key comes next. */
  hint(): void {
    const { index } = this;
    for (const { store, keys, pins } of this.waiting[0]!.pinned) store.hint(keys[index], pins[index]);
  }

  /** Hot path (bench `process`). @throws what the serde throws, or why the batch was not decoded. */
  key(): unknown {
    const { chunk, keys, failure } = this.waiting[0]!;
    if (failure !== undefined) throw failure;
    const known = keys?.[this.index];
    if (keys !== undefined && known !== UNDECODABLE) return known;
    const start = chunk.keyStarts[this.index]!;
    return start < 0 ? null : this.decodeKey(chunk.buffer, start, chunk.keyEnds[this.index]!);
  }

  /** @throws what the serde throws. */
  value(): unknown {
    const { chunk } = this.waiting[0]!;
    const start = chunk.valueStarts[this.index]!;
    return start < 0 ? null : this.decodeValue(chunk.buffer, start, chunk.valueEnds[this.index]!);
  }

  /** The record at the head is done. */
  advance(): void {
    const head = this.waiting[0]!;
    const { chunk, nextOffset } = head;
    releasePins(head, this.index);
    this.position = chunk.offsets[this.index]! + 1;
    this.index++;
    if (this.index === chunk.count) {
      this.position = nextOffset;
      this.dropHead();
      this.index = 0;
      this.skipEmpty();
    }
  }

  /** Chunks of markers and aborted records hold none, and still move the position. */
  private skipEmpty(): void {
    for (let head = this.waiting[0]; head?.chunk.count === 0; head = this.waiting[0]) {
      this.position = head.nextOffset;
      this.dropHead();
    }
  }

  private dropHead(): void {
    this.bytes -= this.waiting.shift()!.chunk.heldBytes;
  }

  private tryKey(chunk: RecordChunk, index: number): unknown {
    const start = chunk.keyStarts[index]!;
    if (start < 0) return null;
    try {
      return this.decodeKey(chunk.buffer, start, chunk.keyEnds[index]!);
    } catch {
      return UNDECODABLE;
    }
  }
}

function releasePins({ pinned }: QueuedChunk, index: number): void {
  for (const { store, pins } of pinned) {
    const pin = pins[index];
    if (pin !== undefined) store.release(pin);
  }
}

type Decoder = (buffer: Buffer, start: number, end: number) => unknown;

function decoderOf(serde: Serde<unknown>): Decoder {
  if (serde.fromText === undefined) return (buffer, start, end) => serde.deserialize(buffer.subarray(start, end));
  // `toString` checks its arguments for each record, which is 3 % of bench `process`.
  return (buffer, start, end) => serde.fromText!((buffer as Utf8Buffer).utf8Slice(start, end));
}

/** What `toString('utf8')` calls; missing from Node's types. */
interface Utf8Buffer extends Buffer {
  utf8Slice(start: number, end: number): string;
}
