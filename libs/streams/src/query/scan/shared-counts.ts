import type { Clock } from '../../time/clock.js';
import { isMissing } from '../problem/missing-problem.js';
import { noOlderThan, type Freshness, type PartitionReads } from '../reads/partition-reads.js';
import type { PartitionTarget, ReadBounds, ScanPart } from '../reads/partition-reads.js';
import { bounds, isEmptyRange, keyAfter } from './key-range.js';

export interface PartitionCount {
  readonly count: number;
  readonly freshness: Freshness;
}

/** A caller that waits for a reading. */
interface Asker {
  /** The end of the time that the caller gave partitions and positions to come, from its own question on. */
  readonly deadline: number;
  readonly resolve: (count: PartitionCount) => void;
  readonly reject: (error: unknown) => void;
}

/** One reading of a partition for everyone who asked before it began. */
interface Reading {
  readonly abort: AbortController;
  readonly askers: Set<Asker>;
  /** Never rejects. */
  readonly ended: Promise<void>;
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

  constructor(
    private readonly reads: PartitionReads,
    private readonly clock: Pick<Clock, 'monotonic'>,
  ) {}

  of(
    target: PartitionTarget,
    part: ScanPart,
    { signal, client, waitMs, ...asked }: ReadBounds,
  ): Promise<PartitionCount> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const deadline = this.clock.monotonic() + waitMs;
    let question = questionOf(target, part, asked);
    let line = this.lines.get(question);
    // Who has less time does not queue behind who may wait longer.
    while (line?.running !== undefined && isPatient(line.running, deadline)) line = this.lines.get((question += '<'));
    if (line === undefined) this.lines.set(question, (line = { running: undefined, next: undefined }));
    // One that nobody waited for any more has been aborted.
    if (line.next === undefined || line.next.abort.signal.aborted)
      line.next = this.reading(question, line, (left, aborted) =>
        this.read(target, part, { ...asked, ...(client !== undefined && { client }), waitMs: left, signal: aborted }),
      );
    return join(line.next, deadline, signal);
  }

  private reading(
    question: string,
    line: Line,
    read: (waitMs: number, signal: AbortSignal) => Promise<PartitionCount>,
  ): Reading {
    const abort = new AbortController();
    const askers = new Set<Asker>();
    const before = line.running?.ended;
    const begin = async (): Promise<void> => {
      // Also those that ask in the same turn share it.
      await before;
      if (line.next === reading) line.next = undefined;
      line.running = reading;
      await this.answer(askers, (waitMs) => read(waitMs, abort.signal));
      if (line.running === reading) line.running = undefined;
      if (line.running === undefined && line.next === undefined) this.lines.delete(question);
    };
    const reading: Reading = { abort, askers, ended: Promise.resolve().then(begin) };
    return reading;
  }

  /** Reads for the caller whose time ends first. If that fails for want of a partition or position, the others are read for again. */
  private async answer(askers: Set<Asker>, read: (waitMs: number) => Promise<PartitionCount>): Promise<void> {
    while (askers.size > 0) {
      let first = Infinity;
      for (const { deadline } of askers) first = Math.min(first, deadline);
      try {
        const count = await read(Math.max(0, first - this.clock.monotonic()));
        for (const { resolve } of askers) resolve(count);
        return;
      } catch (error) {
        const due = isMissing(error) ? Math.max(first, this.clock.monotonic()) : Infinity;
        for (const asker of askers) {
          if (asker.deadline > due) continue;
          askers.delete(asker);
          asker.reject(error);
        }
      }
    }
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

/** Whether a reading may wait for its partition or position beyond `deadline`. */
function isPatient({ askers }: Reading, deadline: number): boolean {
  for (const asker of askers) if (asker.deadline > deadline) return true;
  return false;
}

function join({ askers, abort }: Reading, deadline: number, signal: AbortSignal | undefined): Promise<PartitionCount> {
  return new Promise((resolve, reject) => {
    const asker: Asker = {
      deadline,
      resolve: (count) => {
        signal?.removeEventListener('abort', leave);
        resolve(count);
      },
      reject: (error) => {
        signal?.removeEventListener('abort', leave);
        reject(error as Error);
      },
    };
    const leave = (): void => {
      reject(signal!.reason as Error);
      askers.delete(asker);
      if (askers.size === 0) abort.abort(signal!.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    askers.add(asker);
  });
}

function questionOf(
  { store, partition }: PartitionTarget,
  { range, ...part }: ScanPart,
  asked: Omit<ReadBounds, 'waitMs' | 'signal' | 'client'>,
): string {
  const hex = (key: Uint8Array | undefined): string | undefined => key && Buffer.from(key).toString('hex');
  return JSON.stringify([store, partition, part, hex(range.gte), hex(range.lt), asked]);
}
