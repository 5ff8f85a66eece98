import type {
  CountAnswer,
  EntriesAnswer,
  Freshness,
  PartitionTarget,
  ReadBounds,
  ScanPart,
  ValuesAnswer,
} from '../reads/partition-reads.js';
import type { PeerMessage } from './peer-message.js';

/** Keys and conditions; values only travel the other way. */
export const REQUEST_MAX_BYTES = 8 * 1024 * 1024;

/** Values of one answer; a single one may be larger. */
const VALUES_MAX_BYTES = 4 * 1024 * 1024;

/** What a peer asks, in the form of a message; `peer-reads.ts` writes it and `peer-endpoint.ts` reads it. */
export type PeerRequest =
  | {
      readonly op: 'get';
      readonly target: PartitionTarget;
      readonly keys: readonly Uint8Array[];
      readonly bounds: ReadBounds;
    }
  | {
      readonly op: 'scan' | 'count';
      readonly target: PartitionTarget;
      readonly part: ScanPart;
      readonly bounds: ReadBounds;
    }
  | { readonly op: 'status'; readonly status: unknown };

export type PeerOperation = PeerRequest['op'];

export function encodeRequest(request: PeerRequest): PeerMessage {
  if (request.op === 'status') return { head: { ...request }, blobs: [] };
  const { op, target } = request;
  const bounds = withoutSignal(request.bounds);
  if (op === 'get') return { head: { op, target, bounds }, blobs: request.keys };
  const { range, ...part } = request.part;
  return { head: { op, target, bounds, part }, blobs: [range.gte, range.lt] };
}

/** Peers are authenticated and run the same release, so what they send is not checked field by field. @throws Error for an unknown operation. */
export function decodeRequest({ head, blobs }: PeerMessage): PeerRequest {
  const { op, target, part, status } = head as { op: unknown } & Record<string, never>;
  if (op === 'status') return { op, status };
  const bounds = boundsOf(head);
  if (op === 'get') return { op, target, bounds, keys: blobs as Uint8Array[] };
  if (op === 'scan' || op === 'count') {
    const [gte, lt] = blobs;
    return { op, target, bounds, part: { ...(part as ScanPart), range: { ...(gte && { gte }), ...(lt && { lt }) } } };
  }
  throw new Error('The operation is not known.');
}

/** The first of the values, as many as one answer carries and at least one; whoever asked for more asks again for the others. */
export function encodeValues({ values, freshness }: ValuesAnswer): PeerMessage {
  return { head: { freshness: finite(freshness) }, blobs: firstOf(values) };
}

/** The values may be fewer than the keys that were asked for. */
export function decodeValues({ head, blobs }: PeerMessage): ValuesAnswer {
  return { values: blobs, freshness: freshnessOf(head) };
}

/** Keys and values alternate; the last blob is `lookedAt`. */
export function encodeEntries({ keys, values, lookedAt, freshness }: EntriesAnswer): PeerMessage {
  const blobs: (Uint8Array | undefined)[] = [];
  for (let i = 0; i < keys.length; i++) blobs.push(keys[i], values[i]);
  blobs.push(lookedAt);
  return { head: { freshness: finite(freshness) }, blobs };
}

export function decodeEntries({ head, blobs }: PeerMessage): EntriesAnswer {
  const keys: Uint8Array[] = [];
  const values: Uint8Array[] = [];
  for (let i = 0; i + 1 < blobs.length; i += 2) {
    keys.push(blobs[i]!);
    values.push(blobs[i + 1]!);
  }
  const lookedAt = blobs.at(-1);
  return { keys, values, ...(lookedAt && { lookedAt }), freshness: freshnessOf(head) };
}

export function encodeCount({ count, lookedAt, freshness }: CountAnswer): PeerMessage {
  return { head: { count, freshness: finite(freshness) }, blobs: [lookedAt] };
}

export function decodeCount({ head, blobs: [lookedAt] }: PeerMessage): CountAnswer {
  return { count: head['count'] as number, ...(lookedAt && { lookedAt }), freshness: freshnessOf(head) };
}

function firstOf(values: ValuesAnswer['values']): ValuesAnswer['values'] {
  let bytes = 0;
  for (let i = 0; i < values.length; i++) {
    bytes += values[i]?.length ?? 0;
    if (bytes > VALUES_MAX_BYTES && i > 0) return values.slice(0, i);
  }
  return values;
}

function withoutSignal(bounds: ReadBounds): ReadBounds {
  if (bounds.signal === undefined) return bounds;
  const { signal: _, ...others } = bounds;
  return others;
}

/** JSON writes an infinity as null; a copy of any age may answer then, also one of unknown age. */
function boundsOf(head: PeerMessage['head']): ReadBounds {
  const bounds = withoutSignal(head['bounds'] as ReadBounds);
  const { maxStalenessMs } = bounds as { readonly maxStalenessMs?: number | null };
  return maxStalenessMs === null ? { ...bounds, maxStalenessMs: Infinity } : bounds;
}

/** JSON has no infinity. */
function finite(freshness: Freshness): object {
  return Number.isFinite(freshness.stalenessMs) ? freshness : { ...freshness, stalenessMs: undefined };
}

function freshnessOf(head: PeerMessage['head']): Freshness {
  const freshness = head['freshness'] as Freshness & { readonly stalenessMs: number | undefined };
  return freshness.stalenessMs === undefined ? { ...freshness, stalenessMs: Infinity } : freshness;
}
