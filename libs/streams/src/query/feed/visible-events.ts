import type { Clock } from '../../time/clock.js';
import type { FeedPosition } from './feed-position.js';
import type { FeedEvent } from './store-feed.js';

/** After so long without any event there is one, although all that came is hidden. */
const SILENT_MAX_MS = 5000;

/** A feed without the entries and changes that `mayRead` refuses. Where it has come further by hidden ones, it says so from time to time. */
export async function* visibleEvents(
  events: AsyncGenerator<FeedEvent>,
  mayRead: (key: Uint8Array) => boolean | Promise<boolean>,
  clock: Clock,
): AsyncGenerator<FeedEvent> {
  let hidden: FeedPosition | undefined;
  let toldMs = clock.monotonic();
  for await (const event of events) {
    const isHidden = (event.type === 'entry' || event.type === 'change') && !(await mayRead(event.key));
    if (isHidden && event.type === 'change') hidden = event.position;
    if (isHidden && clock.monotonic() - toldMs < SILENT_MAX_MS) continue;
    if (!isHidden && event.type !== 'idle') yield event;
    else yield hidden === undefined ? { type: 'idle' } : { type: 'bookmark', position: hidden };
    hidden = undefined;
    toldMs = clock.monotonic();
  }
}
