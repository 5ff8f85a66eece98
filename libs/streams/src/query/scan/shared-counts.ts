import { noOlderThan, type Freshness, type PartitionReads } from '../reads/partition-reads.js';
import type { PartitionTarget, ReadBounds, ScanPart } from '../reads/partition-reads.js';
import { bounds, isEmptyRange, keyAfter } from './key-range.js';

export interface PartitionCount {
  readonly count: number;
  readonly freshness: Freshness;
}

/** One reading of a partition for everyone who asked before it began. */
interface Reading {
  readonly abort: AbortController;
  readonly result: Promise<PartitionCount>;
  /** Callers that still wait for the result. */
  askers: number;
}

interface Line {
  running: Reading | undefined;
  /** Begins when `running` has ended. */
  next: Reading | undefined;
}

/**
 * Counts partitions for concurrent callers. Of the same count of a partition one reading runs at a time. Callers that come while it runs share the
 * next one, because what was counted already may be older than their question. A reading ends when all its callers have gone.
 */
export class SharedCounts {
  private readonly lines = new Map<string, Line>();

  constructor(private readonly reads: PartitionReads) {}

  of(target: PartitionTarget, part: ScanPart, { signal, ...asked }: ReadBounds): Promise<PartitionCount> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const question = questionOf(target, part, asked);
    let line = this.lines.get(question);
    if (line === undefined) this.lines.set(question, (line = { running: undefined, next: undefined }));
    // One that nobody waited for any more has been aborted.
    if (line.next === undefined || line.next.abort.signal.aborted)
      line.next = this.reading(question, line, (aborted) => this.read(target, part, { ...asked, signal: aborted }));
    return share(line.next, signal);
  }

  private reading(question: string, line: Line, read: (signal: AbortSignal) => Promise<PartitionCount>): Reading {
    const abort = new AbortController();
    const before = line.running?.result.catch(() => undefined);
    const begin = async (): Promise<PartitionCount> => {
      // Also those that ask in the same turn share it.
      await before;
      if (line.next === reading) line.next = undefined;
      try {
        abort.signal.throwIfAborted();
        line.running = reading;
        return await read(abort.signal);
      } finally {
        if (line.running === reading) line.running = undefined;
        if (line.running === undefined && line.next === undefined) this.lines.delete(question);
      }
    };
    const reading: Reading = { abort, result: Promise.resolve().then(begin), askers: 0 };
    reading.result.catch(() => undefined);
    return reading;
  }

  private async read(target: PartitionTarget, part: ScanPart, asked: ReadBounds): Promise<PartitionCount> {
    let { range } = part;
    let count = 0;
    let freshness: Freshness | undefined;
    for (;;) {
      const answer = await this.reads.count(target, { ...part, range }, noOlderThan(asked, freshness));
      count += answer.count;
      freshness ??= answer.freshness;
      if (answer.lookedAt === undefined) return { count, freshness };
      range = bounds(keyAfter(answer.lookedAt), part.range.lt);
      if (isEmptyRange(range)) return { count, freshness };
    }
  }
}

function share(reading: Reading, signal: AbortSignal | undefined): Promise<PartitionCount> {
  reading.askers++;
  if (signal === undefined) return reading.result;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      reject(signal.reason as Error);
      if (--reading.askers === 0) reading.abort.abort(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    void reading.result.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

function questionOf({ store, partition }: PartitionTarget, { range, ...part }: ScanPart, asked: ReadBounds): string {
  const hex = (key: Uint8Array | undefined): string | undefined => key && Buffer.from(key).toString('hex');
  return JSON.stringify([store, partition, part, hex(range.gte), hex(range.lt), asked]);
}
