import type {
  CountAnswer,
  EntriesAnswer,
  Freshness,
  PartitionTarget,
  ReadBounds,
  ScanPart,
  ValuesAnswer,
} from '../reads/partition-reads.js';
import { MalformedMessageError, MessageFields } from './message-fields.js';
import type { PeerMessage } from './peer-message.js';

/** Keys and conditions; values only travel the other way. */
export const REQUEST_MAX_BYTES = 8 * 1024 * 1024;

/** Values of one answer; a single one may be larger. */
export const VALUES_MAX_BYTES = 4 * 1024 * 1024;

/** What a peer asks, in the form of a message; `peer-reads.ts` writes it and `peer-endpoint.ts` reads it. */
export type PeerRequest =
  | {
      readonly op: 'get';
      readonly target: PartitionTarget;
      readonly keys: readonly Uint8Array[];
      readonly bounds: ReadBounds;
      /** Bytes of values that the answer may have; at most `VALUES_MAX_BYTES`. */
      readonly maxBytes?: number;
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
  const bounds = sentOf(request.bounds);
  if (op === 'get') return { head: { op, target, bounds, maxBytes: request.maxBytes }, blobs: request.keys };
  const { range, ...part } = request.part;
  return { head: { op, target, bounds, part }, blobs: [range.gte, range.lt] };
}

/** @throws MalformedMessageError */
export function decodeRequest({ head, blobs }: PeerMessage): PeerRequest {
  const fields = MessageFields.of(head, 'call');
  const op = fields.oneOf('op', ['status', 'get', 'scan', 'count']);
  if (op === 'status') return { op, status: fields.get('status') };
  const target = targetIn(fields.object('target'));
  const bounds = boundsIn(fields.object('bounds'));
  if (op === 'get') {
    const maxBytes = fields.has('maxBytes') && { maxBytes: fields.count('maxBytes') };
    return { op, target, bounds, keys: presentIn(blobs), ...maxBytes };
  }
  const [gte, lt] = blobs;
  return { op, target, bounds, part: { ...partIn(fields.object('part')), range: boundsOfKeys(gte, lt) } };
}

/** The first of the values, as many as one answer carries and at least one; whoever asked for more asks again for the others. */
export function encodeValues({ values, freshness }: ValuesAnswer): PeerMessage {
  return { head: { freshness: finite(freshness) }, blobs: firstOf(values) };
}

/** The values may be fewer than the keys that were asked for. @throws MalformedMessageError */
export function decodeValues({ head, blobs }: PeerMessage): ValuesAnswer {
  return { values: blobs, freshness: freshnessIn(head) };
}

/** Keys and values alternate; the last blob is `lookedAt`. */
export function encodeEntries({ keys, values, lookedAt, freshness }: EntriesAnswer): PeerMessage {
  const blobs: (Uint8Array | undefined)[] = [];
  for (let i = 0; i < keys.length; i++) blobs.push(keys[i], values[i]);
  blobs.push(lookedAt);
  return { head: { freshness: finite(freshness) }, blobs };
}

/** @throws MalformedMessageError */
export function decodeEntries({ head, blobs }: PeerMessage): EntriesAnswer {
  if (blobs.length % 2 === 0) throw new MalformedMessageError('answer', 'keys and values in pairs');
  const entries = presentIn(blobs.slice(0, -1));
  const keys: Uint8Array[] = [];
  const values: Uint8Array[] = [];
  for (let i = 0; i < entries.length; i += 2) {
    keys.push(entries[i]);
    values.push(entries[i + 1]);
  }
  const lookedAt = blobs.at(-1);
  return { keys, values, ...(lookedAt && { lookedAt }), freshness: freshnessIn(head) };
}

export function encodeCount({ count, lookedAt, freshness }: CountAnswer): PeerMessage {
  return { head: { count, freshness: finite(freshness) }, blobs: [lookedAt] };
}

/** @throws MalformedMessageError */
export function decodeCount({ head, blobs: [lookedAt] }: PeerMessage): CountAnswer {
  const count = MessageFields.of(head, 'answer').count('count');
  return { count, ...(lookedAt && { lookedAt }), freshness: freshnessIn(head) };
}

function firstOf(values: ValuesAnswer['values']): ValuesAnswer['values'] {
  let bytes = 0;
  for (let i = 0; i < values.length; i++) {
    bytes += values[i]?.length ?? 0;
    if (bytes > VALUES_MAX_BYTES && i > 0) return values.slice(0, i);
  }
  return values;
}

/** Without what concerns the asking instance alone. */
function sentOf(bounds: ReadBounds): ReadBounds {
  if (bounds.signal === undefined && bounds.client === undefined) return bounds;
  const { signal: _, client: __, ...others } = bounds;
  return others;
}

function targetIn(fields: MessageFields): PartitionTarget {
  return { store: fields.text('store'), partition: fields.count('partition') };
}

function boundsIn(fields: MessageFields): ReadBounds {
  return {
    isolation: fields.oneOf('isolation', ['committed', 'uncommitted']),
    waitMs: fields.milliseconds('waitMs'),
    ...(fields.has('position') && { position: fields.count('position') }),
    ...(fields.has('sources') && {
      sources: fields
        .objects('sources')
        .map((source) => ({ topic: source.text('topic'), offset: source.count('offset') })),
    }),
    ...(fields.has('maxStalenessMs') && {
      maxStalenessMs: fields.milliseconds('maxStalenessMs'),
    }),
  };
}

function partIn(fields: MessageFields): Omit<ScanPart, 'range'> {
  return {
    reverse: fields.flag('reverse'),
    limit: fields.count('limit'),
    ...(fields.has('maxBytes') && { maxBytes: fields.count('maxBytes') }),
    ...(fields.has('where') && { where: fields.texts('where') }),
    ...(fields.has('isApproximate') && { isApproximate: fields.flag('isApproximate') }),
    ...(fields.has('isBulk') && { isBulk: fields.flag('isBulk') }),
  };
}

function boundsOfKeys(gte: Uint8Array | undefined, lt: Uint8Array | undefined): ScanPart['range'] {
  return { ...(gte && { gte }), ...(lt && { lt }) };
}

function presentIn(blobs: PeerMessage['blobs']): Uint8Array[] {
  return blobs.map((blob, n) => {
    if (blob === undefined) throw new MalformedMessageError(`blobs[${n}]`, 'present');
    return blob;
  });
}

/** JSON has no infinity. */
function finite(freshness: Freshness): object {
  return Number.isFinite(freshness.stalenessMs) ? freshness : { ...freshness, stalenessMs: undefined };
}

function freshnessIn(head: PeerMessage['head']): Freshness {
  const fields = MessageFields.of(head, 'answer').object('freshness');
  return {
    partition: fields.count('partition'),
    position: fields.integer('position'),
    role: fields.oneOf('role', ['active', 'standby']),
    lag: fields.has('lag') ? fields.integer('lag') : undefined,
    stalenessMs: fields.has('stalenessMs') ? fields.milliseconds('stalenessMs') : Infinity,
    instanceId: fields.text('instanceId'),
    epoch: fields.integer('epoch'),
  };
}
