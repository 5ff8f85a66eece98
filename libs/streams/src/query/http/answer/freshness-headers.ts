import { PositionToken } from '../../position/position-token.js';
import type { Freshness } from '../../reads/partition-reads.js';

/** What a client sends back to read at least what it has seen: as `Streams-Min-Position`, or as the parameter `position`. */
export const POSITION_HEADER = 'Streams-Position';
export const MIN_POSITION_HEADER = 'streams-min-position';

/** Node's clients take 16 KiB of headers in all; the positions of some hundred partitions fit in this. */
const MAX_POSITION_BYTES = 8 * 1024;

/** Of an answer of one partition. */
export function entryHeaders(store: string, freshness: Freshness): Record<string, string> {
  const { partition, position, role, lag, stalenessMs, instanceId, epoch } = freshness;
  const headers: Record<string, string> = {
    'Streams-Instance': instanceId,
    'Streams-Partition': String(partition),
    [POSITION_HEADER]: `${store}:${partition}:${position}`,
    'Streams-Role': role,
    'Streams-Epoch': String(epoch),
  };
  if (lag !== undefined) headers['Streams-Lag'] = String(lag);
  if (Number.isFinite(stalenessMs)) headers['Streams-Staleness'] = String(Math.ceil(stalenessMs));
  return headers;
}

/** Of an answer of several partitions: the position of each, as long as they fit into a header, and the worst of the rest. */
export function scanHeaders(store: string, instanceId: string, answers: readonly Freshness[]): Record<string, string> {
  const token = PositionToken.merge(
    answers.map(({ partition, position }) => PositionToken.ofStore(store, partition, position)),
  );
  const headers: Record<string, string> = { 'Streams-Instance': instanceId };
  if (token.isEmpty) return headers;
  const text = token.toString();
  if (text.length <= MAX_POSITION_BYTES) headers[POSITION_HEADER] = text;
  headers['Streams-Role'] = answers.some(({ role }) => role === 'standby') ? 'standby' : 'active';
  const lags = answers.map(({ lag }) => lag ?? Infinity);
  const stalenessMs = Math.max(...answers.map((answer) => answer.stalenessMs));
  if (lags.every(Number.isFinite)) headers['Streams-Lag'] = String(lags.reduce((sum, lag) => sum + lag, 0));
  if (Number.isFinite(stalenessMs)) headers['Streams-Staleness'] = String(Math.ceil(stalenessMs));
  return headers;
}
