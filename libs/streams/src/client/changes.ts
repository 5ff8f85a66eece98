import { eventStream } from './event-stream.js';
import { StreamsProblem } from './problem.js';
import type { Session } from './session.js';
import { pause, type Transport } from './transport.js';

export interface ChangesOptions<K> {
  /** Only this entry. */
  readonly key?: K;
  /** Only keys that begin with it. */
  readonly prefix?: string;
  readonly fields?: readonly string[];
  /** Begin with all entries. Default true. */
  readonly hasSnapshot?: boolean;
  /** Go on behind the event of this id. */
  readonly lastEventId?: string;
  readonly signal?: AbortSignal;
}

export type StoreChange<K, V> =
  /** All entries follow; what was known before is to be forgotten. */
  | { readonly type: 'snapshot-begin' }
  | { readonly type: 'entry'; readonly key: K; readonly value: V }
  | { readonly type: 'snapshot-end'; readonly position: string; readonly id: string }
  | { readonly type: 'put'; readonly key: K; readonly value: V; readonly id: string }
  | { readonly type: 'delete'; readonly key: K; readonly id: string }
  | { readonly type: 'bookmark'; readonly position: string; readonly id: string };

const TYPES: ReadonlySet<string> = new Set(['snapshot-begin', 'entry', 'snapshot-end', 'put', 'delete', 'bookmark']);
const RETRY_MS = 1000;
const MAX_FAILURES = 30;

/** Reads a feed again and again, each time behind the last event. @throws StreamsProblem for what does not pass */
export async function* followChanges<K, V>(
  transport: Transport,
  session: Session,
  path: string,
  { lastEventId, signal }: ChangesOptions<K>,
): AsyncGenerator<StoreChange<K, V>> {
  let id = lastEventId;
  let retryMs = RETRY_MS;
  const isOver = (): boolean => signal?.aborted ?? false;
  for (let failures = 0; !isOver();) {
    const headers = { accept: 'text/event-stream', ...(id !== undefined && { 'last-event-id': id }) };
    const outcome = await transport.once({ path, headers, signal });
    const failure = outcome.isAnswered ? undefined : outcome.error;
    if (outcome.isAnswered && outcome.response.body !== null) {
      try {
        for await (const { event, data, id: eventId, retry } of eventStream(outcome.response.body)) {
          failures = 0;
          if (retry !== undefined) retryMs = retry;
          if (event === 'problem') break;
          if (eventId !== undefined) id = eventId;
          // Until its end a snapshot has no place to go on from.
          if (event === 'snapshot-begin') id = undefined;
          if (!TYPES.has(event)) continue;
          const body = JSON.parse(data) as { readonly position?: string };
          // Before it is told: whoever reads upon it is to find it. The end of a snapshot is where owners were; a bookmark may be behind the marker of
          // a transaction, which no owner reaches before its next commit.
          if (event === 'snapshot-end' && body.position !== undefined) session.observe(body.position);
          yield { ...body, type: event, id } as unknown as StoreChange<K, V>;
        }
      } catch (error) {
        if (isOver()) return;
        if (error instanceof SyntaxError) throw error;
      }
    } else if (failure instanceof StreamsProblem && failure.problem === 'feed-gone') {
      id = undefined;
      continue;
    } else if (failure instanceof StreamsProblem && failure.status < 500 && failure.status !== 429) throw failure;
    if (isOver()) return;
    if (++failures > MAX_FAILURES)
      throw failure instanceof Error ? failure : new Error('The feed breaks off each time.');
    transport.turn();
    await pause(failures === 1 ? 0 : Math.random() * retryMs * Math.min(failures, 5), signal);
  }
}
