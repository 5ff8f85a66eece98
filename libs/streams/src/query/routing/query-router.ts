import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { Clock } from '../../time/clock.js';
import { isMissing } from '../problem/missing-problem.js';
import { problemType, type ProblemName } from '../problem/problem-types.js';
import { QueryError } from '../problem/query-error.js';
import { isReadable, locatePartition } from '../reads/locate-partition.js';
import type { LocalReads } from '../reads/local-reads.js';
import type {
  CountAnswer,
  EntriesAnswer,
  PartitionReads,
  PartitionTarget,
  ReadBounds,
  ScanPart,
  ValuesAnswer,
} from '../reads/partition-reads.js';
import type { ValueBudget } from '../reads/value-budget.js';
import type { PeerNetwork } from '../peers/peer-network.js';
import { candidatesFor, type Candidate } from './candidates.js';
import { OwnerHints } from './owner-hints.js';

/** So long a request whose partition is on the move is tried again, if it names no other time. */
const PATIENCE_MS = 500;
const BACK_OFF_MS = 20;
const MAX_BACK_OFF_MS = 1000;

/** Of an instance that has the partition, though not as it was asked for. */
const DATA_PROBLEMS: ReadonlySet<ProblemName> = new Set(['restoring', 'position-not-reached', 'too-stale']);

/** Who was asked, and why that was no answer; a member of problem documents. */
export interface HostTried {
  readonly instance: string;
  readonly role: Candidate['role'];
  readonly reason: string;
}

type Ask<T> = (reads: PartitionReads, bounds: ReadBounds) => Promise<T>;

/**
 * Reads a partition where it is: here, at its owner, or, where the bounds allow it, at a copy. Whoever is asked answers from its own state;
 * one that turns out not to be the owner tells who is, and that one is asked next. Problems name everyone who was tried.
 */
export class QueryRouter implements PartitionReads {
  private readonly hints: OwnerHints;

  constructor(
    private readonly runtime: StreamsRuntime,
    private readonly local: LocalReads,
    private readonly clock: Clock,
    /** Undefined: other instances are not called. */
    private readonly network: () => PeerNetwork | undefined,
  ) {
    this.hints = new OwnerHints(clock);
  }

  get(
    target: PartitionTarget,
    keys: readonly Uint8Array[],
    bounds: ReadBounds,
    budget?: ValueBudget,
  ): Promise<ValuesAnswer> {
    // Hot path (bench `query`, local/controller).
    if (bounds.waitMs === 0 && this.isOwn(target))
      return this.local.get(target, keys, bounds, budget).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
        return this.route(target, bounds, (reads, left) => reads.get(target, keys, left, budget));
      });
    return this.route(target, bounds, (reads, left) => reads.get(target, keys, left, budget));
  }

  scan(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<EntriesAnswer> {
    return this.route(target, bounds, (reads, left) => reads.scan(target, part, left));
  }

  count(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<CountAnswer> {
    return this.route(target, bounds, (reads, left) => reads.count(target, part, left));
  }

  private isOwn({ store, partition }: PartitionTarget): boolean {
    return this.runtime.queryableStore(store)?.owner(partition)?.isLocal === true;
  }

  private route<T>(target: PartitionTarget, bounds: ReadBounds, ask: Ask<T>): Promise<T> {
    const { signal } = bounds;
    if (signal === undefined) return this.askCandidates(target, bounds, ask);
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return untilAborted(signal, this.askCandidates(target, bounds, ask));
  }

  private async askCandidates<T>(target: PartitionTarget, bounds: ReadBounds, ask: Ask<T>): Promise<T> {
    const network = this.network();
    const patienceMs = Math.max(bounds.waitMs, network === undefined ? 0 : PATIENCE_MS);
    const deadline = this.clock.monotonic() + patienceMs;
    const tried = new Map<string, HostTried>();
    for (let round = 1; ; round++) {
      bounds.signal?.throwIfAborted();
      let failure: QueryError | undefined;
      let mayPass = false;
      const asked = new Set<string>();
      for (;;) {
        const candidate = this.next(target, bounds, network, asked);
        if (candidate === undefined) break;
        asked.add(candidate.instanceId);
        try {
          // A copy that is not fresh enough is no reason to keep the next one waiting.
          const left = candidate.role === 'standby' ? 0 : deadline - this.clock.monotonic();
          const waitMs = Math.max(0, Math.min(bounds.waitMs, left));
          return await ask(candidate.reads, waitMs === bounds.waitMs ? bounds : { ...bounds, waitMs });
        } catch (error) {
          bounds.signal?.throwIfAborted();
          if (!isMissing(error)) throw error;
          failure = tellingMore(failure, error);
          mayPass ||= passes(error, candidate.instanceId === this.runtime.instanceId);
          tried.set(candidate.instanceId, hostTried(candidate, error));
          this.hints.learn(target, error, candidate.instanceId);
        }
      }
      if (failure === undefined) {
        failure = this.nobody(target);
        mayPass = true;
      }
      if (!(mayPass || bounds.waitMs > 0) || this.clock.monotonic() + BACK_OFF_MS >= deadline)
        throw network === undefined ? failure : explained(failure, tried);
      await this.pause(target, bounds, network === undefined ? deadline : this.clock.monotonic() + backOffMs(round));
    }
  }

  /** Until something changes here. What other instances hold is asked again after a while. */
  private async pause({ partition }: PartitionTarget, { signal }: ReadBounds, until: number): Promise<void> {
    await this.local.waits.until(partition, until - this.clock.monotonic(), signal, () => true);
  }

  /** Looked for anew each time: an answer may have told who the owner is. */
  private next(
    target: PartitionTarget,
    bounds: ReadBounds,
    network: PeerNetwork | undefined,
    asked: ReadonlySet<string>,
  ): Candidate | undefined {
    const { runtime, local } = this;
    const hint = this.hints.of(target);
    for (const candidate of candidatesFor(target, bounds, { runtime, local, network, hint }))
      if (!asked.has(candidate.instanceId)) return candidate;
    return undefined;
  }

  /** Nobody could be asked: what this instance knows of it. */
  private nobody({ store, partition }: PartitionTarget): QueryError {
    const queryable = this.runtime.queryableStore(store);
    const located = queryable && locatePartition(queryable, partition);
    if (located === undefined || isReadable(located) || located.reason !== 'not-owner')
      return new QueryError('unassigned', `Nobody is known who could answer for partition ${partition}.`, {
        members: { store, partition, retryAfterS: 1 },
        retryAfterS: 1,
      });
    const text = `The instance "${located.ownerInstance}" owns partition ${partition} of the store "${store}", and cannot be called: it advertises no URL.`;
    return new QueryError('not-owner', text, { members: { store, partition, ownerInstance: located.ownerInstance } });
  }
}

function backOffMs(round: number): number {
  return Math.min(MAX_BACK_OFF_MS, BACK_OFF_MS * 2 ** Math.min(round - 1, 10));
}

/** Settles as `answer` does, or rejects with the reason of the abort if that comes first. */
function untilAborted<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    void answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** A restore takes longer than a move, so only who is ready to wait waits for it. Partitions of another instance that stops are on the move. */
function passes({ problem: { name } }: QueryError, isHere: boolean): boolean {
  return !(name === 'not-running' ? isHere : DATA_PROBLEMS.has(name));
}

/** Of two problems, the one that says more about the data: a copy that is too old says more than an owner that is away. */
function tellingMore(known: QueryError | undefined, error: QueryError): QueryError {
  return known === undefined || weight(error) > weight(known) ? error : known;
}

function weight({ problem: { name } }: QueryError): number {
  if (DATA_PROBLEMS.has(name)) return 3;
  if (name === 'not-owner') return 0;
  return name === 'peer-unreachable' || name === 'peer-timeout' ? 2 : 1;
}

function hostTried({ instanceId, role }: Candidate, { problem }: QueryError): HostTried {
  return { instance: instanceId, role, reason: problemType(problem.name).name };
}

function explained(failure: QueryError, tried: ReadonlyMap<string, HostTried>): QueryError {
  if (tried.size === 0) return failure;
  return new QueryError(failure.problem.name, failure.message, {
    cause: failure,
    members: { ...failure.members, hostsTried: [...tried.values()] },
    ...(failure.retryAfterS === undefined ? {} : { retryAfterS: failure.retryAfterS }),
  });
}
