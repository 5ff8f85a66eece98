import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
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

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

interface SealedCursor {
  readonly scope: string;
  readonly partition: number;
  readonly partitionCount: number;
  /** In base64url. */
  readonly key: string;
}

/**
 * Cursors between pages: scope and last key, sealed with AES-256-GCM, since the key may be one that the caller must not see. They hold a place by key,
 * so they outlive moves of partitions; they grant nothing, and live as long as the secret.
 */
export class PageCursors {
  private readonly key: Buffer;

  constructor(secret: string | Uint8Array = randomBytes(32)) {
    this.key = createHmac('sha256', secret).update('seal').digest();
  }

  write({ key, partition }: ScanPosition, scope: CursorScope): string {
    const { partitionCount } = scope;
    const sealed: SealedCursor = { scope: scopeText(scope), partition, partitionCount, key: base64url(key) };
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.key, nonce);
    const text = Buffer.concat([cipher.update(JSON.stringify(sealed), 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
  }

  /**
   * @throws QueryError `invalid-cursor` unless `write` of a holder of the same secret made it for the same scope, `cursor-expired` if the store has
   * another number of partitions by now.
   */
  read(cursor: string, scope: CursorScope): ScanPosition {
    const sealed = this.open(cursor);
    if (sealed === undefined)
      throw invalid('The cursor was not issued here, or before the last restart. Start again without it.');
    if (sealed.partitionCount !== scope.partitionCount)
      throw new QueryError(
        'cursor-expired',
        'The store has another number of partitions than the page before. Start again without a cursor.',
        {
          members: { parameter: 'cursor' },
        },
      );
    if (sealed.scope !== scopeText(scope)) {
      throw invalid('The cursor belongs to another query. Repeat the store, range and order of the page it came from.');
    }
    return { key: Buffer.from(sealed.key, 'base64url'), partition: sealed.partition };
  }

  private open(cursor: string): SealedCursor | undefined {
    const bytes = Buffer.from(cursor, 'base64url');
    if (bytes.length <= NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== cursor) return undefined;
    const decipher = createDecipheriv(CIPHER, this.key, bytes.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
      return JSON.parse(text.toString()) as SealedCursor;
    } catch {
      return undefined;
    }
  }
}

/** All instances that call each other seal alike, so a page may come from another one than the page before. */
export function cursorSecret({
  applicationId,
  peers,
}: Pick<RuntimeConfig, 'applicationId' | 'peers'>): Uint8Array | undefined {
  if (peers.secret === undefined) return undefined;
  return createHmac('sha256', peers.secret).update(`cursors of ${applicationId}`).digest();
}

function scopeText({ store, order, bounds, where }: CursorScope): string {
  return JSON.stringify({ version: 3, store, order, query: queryHash(bounds, where) });
}

function queryHash({ gte, lt }: KeyBounds, where: readonly string[]): string {
  const text = JSON.stringify([gte ? base64url(gte) : null, lt ? base64url(lt) : null, where]);
  return createHash('sha256').update(text).digest('base64url');
}

function base64url(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('base64url');
}

function invalid(detail: string): QueryError {
  return new QueryError('invalid-cursor', detail, { members: { parameter: 'cursor' } });
}
