import { parseDuration } from '../../../config/duration.js';
import { PositionToken } from '../../position/position-token.js';
import { parseFeedPosition, type FeedPosition } from '../../feed/feed-position.js';
import { QueryError } from '../../problem/query-error.js';
import type { FreshnessRequest } from '../../position/freshness-request.js';
import type { ScanQuery } from '../../scan/store-scans.js';
import type { ScanRequest } from '../../streams-query.service.js';
import type { QueryRequest } from '../answer/http-answer.js';
import { MIN_POSITION_HEADER } from '../answer/freshness-headers.js';
import { invalidParameter } from './request-target.js';

export const FRESHNESS_PARAMETERS = ['position', 'staleness', 'isolation'] as const;
export const ENTRY_PARAMETERS = [...FRESHNESS_PARAMETERS, 'fields'] as const;
export const RANGE_PARAMETERS = ['from', 'to', 'prefix', 'where', 'partial'] as const;
export const COUNT_PARAMETERS = [...RANGE_PARAMETERS, ...FRESHNESS_PARAMETERS, 'approximate'] as const;
export const SCAN_PARAMETERS = [
  ...RANGE_PARAMETERS,
  ...FRESHNESS_PARAMETERS,
  'order',
  'limit',
  'cursor',
  'fields',
] as const;

export const METADATA_PARAMETERS = ['key'] as const;
export const FEED_PARAMETERS = ['snapshot', 'prefix', 'fields'] as const;

const MAX_WAIT_S = 60;
const MAX_STALENESS_MS = 24 * 3_600_000;

type Parameters<N extends string> = { readonly [K in N]?: string } & { readonly where?: readonly string[] };

/** @throws QueryError `invalid-parameter` */
export function freshnessRequest(
  { position, staleness, isolation }: Parameters<'position' | 'staleness' | 'isolation'>,
  { headers }: QueryRequest,
): FreshnessRequest | undefined {
  const asked = positionOf(position);
  const seen = positionOf(headers[MIN_POSITION_HEADER]);
  const waitMs = waitOf(headers['prefer']);
  if (isolation !== undefined && isolation !== 'committed' && isolation !== 'uncommitted')
    throw invalidParameter('isolation', 'is "committed" or "uncommitted"');
  const maxStalenessMs = staleness === undefined ? undefined : durationOf(staleness);
  if (
    asked === undefined &&
    seen === undefined &&
    waitMs === undefined &&
    isolation === undefined &&
    maxStalenessMs === undefined
  )
    return undefined;
  return {
    ...(isolation !== undefined && { isolation }),
    ...(asked !== undefined && { position: asked }),
    ...(seen !== undefined && { seen }),
    ...(maxStalenessMs !== undefined && { maxStalenessMs }),
    ...(waitMs !== undefined && { waitMs }),
  };
}

export function scanQuery({
  from,
  to,
  prefix,
  where,
  partial,
}: Parameters<'from' | 'to' | 'prefix' | 'partial'>): ScanQuery {
  if (partial !== undefined && partial !== 'allow') throw invalidParameter('partial', 'is "allow", or absent');
  return {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(prefix !== undefined && { prefix }),
    ...(where !== undefined && { where }),
    ...(partial !== undefined && { allowsPartial: true }),
  };
}

export function scanRequest(
  parameters: Parameters<Exclude<(typeof SCAN_PARAMETERS)[number], 'where'>>,
  request: QueryRequest,
): ScanRequest {
  const { order, limit, cursor } = parameters;
  if (order !== undefined && order !== 'asc' && order !== 'desc') throw invalidParameter('order', 'is "asc" or "desc"');
  if (limit !== undefined && !/^[1-9]\d{0,14}$/.test(limit))
    throw invalidParameter('limit', 'is a whole number from 1');
  return {
    ...scanQuery(parameters),
    ...freshnessRequest(parameters, request),
    ...(order !== undefined && { order }),
    ...(limit !== undefined && { limit: Number(limit) }),
    ...(cursor !== undefined && { cursor }),
  };
}

export function isApproximate(approximate: string | undefined): boolean {
  if (approximate !== undefined && approximate !== 'true' && approximate !== 'false')
    throw invalidParameter('approximate', 'is "true" or "false"');
  return approximate === 'true';
}

/** Members of values that are answered; undefined: all. */
export function fieldsOf(fields: string | undefined): readonly string[] | undefined {
  if (fields === undefined) return undefined;
  const names = fields.split(',').map((name) => name.trim());
  if (names.includes('')) throw invalidParameter('fields', 'is a list of names with commas between');
  return names;
}

/** Whether a feed begins with all entries. */
export function isWanted(snapshot: string | undefined): boolean {
  if (snapshot !== undefined && snapshot !== 'true' && snapshot !== 'false')
    throw invalidParameter('snapshot', 'is "true" or "false"');
  return snapshot !== 'false';
}

/** Where a feed broke off. */
export function lastEventId({ headers }: QueryRequest): FeedPosition | undefined {
  const text = headers['last-event-id'];
  if (text === undefined || text === '') return undefined;
  const position = typeof text === 'string' ? parseFeedPosition(text) : undefined;
  if (position !== undefined) return position;
  throw new QueryError('invalid-parameter', 'The header "Last-Event-ID" is not the id of an event of a feed.', {
    members: { parameter: 'Last-Event-ID' },
  });
}

/** Returns whether a request asks to wait. */
export function mayWait({ headers }: QueryRequest): boolean {
  return (waitOf(headers['prefer']) ?? 0) > 0;
}

/** Seconds of `Prefer: wait=<seconds>` (RFC 7240, 4.3), as milliseconds. Preferences that are not known are ignored, as it demands. */
function waitOf(prefer: string | string[] | undefined): number | undefined {
  if (prefer === undefined) return undefined;
  const match = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[,;]|$)/i.exec([prefer].flat().join(','));
  return match ? Math.min(MAX_WAIT_S, Number(match[1])) * 1000 : undefined;
}

function positionOf(texts: string | string[] | undefined): PositionToken | undefined {
  if (texts === undefined) return undefined;
  return PositionToken.merge(
    [texts].flat().map((text) => {
      const token = PositionToken.parse(text);
      if (token) return token;
      throw invalidParameter('position', 'is what a header "Streams-Position" held');
    }),
  );
}

function durationOf(text: string): number {
  const ms = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  if (ms !== undefined && ms >= 0 && ms <= MAX_STALENESS_MS) return ms;
  throw invalidParameter('staleness', 'is a duration such as "500ms" or "5s", at most a day');
}
