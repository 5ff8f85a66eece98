import { eventStream, type ServerSentEvent } from './event-stream.js';
import { FeedProgress } from './feed-progress.js';
import { StreamsProblem } from './problem.js';
import type { Session } from './session.js';
import { bodyOf, pause, type Transport } from './transport.js';

export interface ChangesOptions<K> {
  /** Only this entry. */
  readonly key?: K;
  /** Only keys that begin with it. */
  readonly prefix?: string;
  readonly fields?: readonly string[];
  /** Begin with all entries, and again where changes have been lost; without it that is a StreamsProblem `feed-gone`. Default true. */
  readonly hasSnapshot?: boolean;
  /** Go on behind the event of this id. */
  readonly lastEventId?: string;
  readonly signal?: AbortSignal;
}

/** An `id` is where the feed can be taken up; absent as long as it can only begin again, as in and shortly behind a snapshot. */
export type StoreChange<K, V> =
  /** All entries follow; what was known before is to be forgotten. */
  | { readonly type: 'snapshot-begin' }
  | { readonly type: 'entry'; readonly key: K; readonly value: V }
  | { readonly type: 'snapshot-end'; readonly position: string; readonly id: string | undefined }
  | { readonly type: 'put'; readonly key: K; readonly value: V; readonly id: string | undefined }
  | { readonly type: 'delete'; readonly key: K; readonly id: string | undefined }
  | { readonly type: 'bookmark'; readonly position: string; readonly id: string | undefined };

const TYPES: ReadonlySet<string> = new Set(['snapshot-begin', 'entry', 'snapshot-end', 'put', 'delete', 'bookmark']);

/**
 * Reads a feed again and again, each time behind the last event.
 * @throws StreamsProblem for what does not pass, and for changes that are lost and that no snapshot makes up for
 */
export async function* followChanges<K, V>(
  transport: Transport,
  session: Session,
  path: string,
  { lastEventId, hasSnapshot, signal }: ChangesOptions<K>,
): AsyncGenerator<StoreChange<K, V>> {
  const progress = new FeedProgress(lastEventId);
  const isOver = (): boolean => signal?.aborted ?? false;
  while (!isOver()) {
    const { id } = progress;
    progress.begin();
    // Also problems by their status, which says which instance to leave alone, and for how long; to an `EventSource` alone they come as events.
    const accept = 'text/event-stream, application/problem+json';
    const headers = { accept, ...(id !== undefined && { 'last-event-id': id }) };
    const outcome = await transport.once({ path, headers, signal });
    let failure: unknown;
    if (outcome.isAnswered) {
      try {
        for await (const event of eventStream(bodyOf(outcome.response))) {
          if (event.event === 'problem') {
            failure = StreamsProblem.ofText(event.data);
            break;
          }
          progress.see(event);
          if (!isChange(event)) continue;
          const body = JSON.parse(event.data) as { readonly position?: string };
          // Before it is told: whoever reads upon it is to find it. The end of a snapshot is where owners were; a bookmark may be behind the marker of
          // a transaction, which no owner reaches before its next commit.
          if (event.event === 'snapshot-end' && body.position !== undefined) session.observe(body.position);
          yield { ...body, type: event.event, id: progress.id } as unknown as StoreChange<K, V>;
        }
      } catch (error) {
        if (error instanceof SyntaxError) throw error;
        failure = error;
      }
    } else failure = outcome.error;
    if (isOver()) return;
    if (failure instanceof StreamsProblem && failure.problem === 'feed-gone') {
      // Without a snapshot nothing tells what is lost. An answer to no place at all does not pass.
      if (hasSnapshot === false || (id === undefined && !outcome.isAnswered)) throw failure;
      progress.restart();
      if (!outcome.isAnswered) continue;
    } else if (!outcome.isAnswered && isFinal(failure)) throw failure;
    const pauseMs = Math.max(progress.fail(failure), outcome.isAnswered ? 0 : outcome.quietMs);
    if (outcome.isAnswered) transport.turnFrom(outcome.instance);
    await pause(pauseMs, signal);
  }
}

function isChange({ event }: ServerSentEvent): boolean {
  return event !== undefined && TYPES.has(event);
}

function isFinal(failure: unknown): boolean {
  return failure instanceof StreamsProblem && failure.status < 500 && failure.status !== 429;
}
