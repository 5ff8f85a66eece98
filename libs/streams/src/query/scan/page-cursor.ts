import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { RuntimeConfig } from '../../config/runtime-config.js';
import { bufferOf } from '../../bytes/buffer-of.js';
import type { KeyBounds } from '../../stores/store-engine.js';
import { QueryError } from '../problem/query-error.js';
import type { ScanOrder } from './key-range.js';
import type { ScanPosition } from './merge-streams.js';

/** What a cursor may be used for. */
export interface CursorScope {
  readonly store: string;
  readonly order: ScanOrder;
  readonly bounds: KeyBounds;
  readonly where: readonly string[];
  readonly partitionCount: number;
}

/**
 * Cursors between pages: `<scope>.<last key>.<signature>`, each in base64url, signed with HMAC-SHA256. They hold a place by key, so they outlive
 * moves of partitions; they grant nothing, and live as long as the secret.
 */
export class PageCursors {
  private readonly secret: Uint8Array;

  constructor(secret: string | Uint8Array = randomBytes(32)) {
    this.secret = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret;
  }

  write({ key, partition }: ScanPosition, scope: CursorScope): string {
    const text = `${base64url(scopeText(scope, partition))}.${base64url(key)}`;
    return `${text}.${this.sign(text)}`;
  }

  /**
   * @throws QueryError `invalid-cursor` unless `write` of a holder of the same secret made it for the same scope, `cursor-expired` if the store has
   * another number of partitions by now.
   */
  read(cursor: string, scope: CursorScope): ScanPosition {
    const at = cursor.lastIndexOf('.');
    const text = cursor.slice(0, Math.max(0, at));
    const given = Buffer.from(cursor.slice(at + 1));
    const expected = Buffer.from(this.sign(text));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw invalid('The cursor was not issued here, or before the last restart. Start again without it.');
    }
    const [signed, key] = text.split('.').map((part) => Buffer.from(part, 'base64url'));
    const { partition, partitionCount } = JSON.parse(signed.toString()) as {
      partition: number;
      partitionCount: number;
    };
    if (partitionCount !== scope.partitionCount)
      throw new QueryError(
        'cursor-expired',
        'The store has another number of partitions than the page before. Start again without a cursor.',
        {
          members: { parameter: 'cursor' },
        },
      );
    if (signed.toString() !== scopeText(scope, partition)) {
      throw invalid('The cursor belongs to another query. Repeat the store, range and order of the page it came from.');
    }
    return { key, partition };
  }

  private sign(text: string): string {
    return createHmac('sha256', this.secret).update(text).digest('base64url');
  }
}

/** All instances that call each other sign alike, so a page may come from another one than the page before. */
export function cursorSecret({
  applicationId,
  peers,
}: Pick<RuntimeConfig, 'applicationId' | 'peers'>): Uint8Array | undefined {
  if (peers.secret === undefined) return undefined;
  return createHmac('sha256', peers.secret).update(`cursors of ${applicationId}`).digest();
}

function scopeText({ store, order, bounds, where, partitionCount }: CursorScope, partition: number): string {
  return JSON.stringify({ version: 2, store, order, query: queryHash(bounds, where), partitionCount, partition });
}

function queryHash({ gte, lt }: KeyBounds, where: readonly string[]): string {
  const text = JSON.stringify([gte ? base64url(gte) : null, lt ? base64url(lt) : null, where]);
  return createHash('sha256').update(text).digest('base64url');
}

function base64url(bytes: string | Uint8Array): string {
  return (typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bufferOf(bytes)).toString('base64url');
}

function invalid(detail: string): QueryError {
  return new QueryError('invalid-cursor', detail, { members: { parameter: 'cursor' } });
}
