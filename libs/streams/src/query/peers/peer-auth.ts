import { createHash, createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../time/clock.js';
import { QueryError } from '../problem/query-error.js';
import { PEER_PATH } from './peer.js';

/** Headers that prove a call between instances. */
export interface PeerCredentials {
  /** `v2 <from> <to> <time> <length of the body> <SHA-256 of the body> <id of the call>`, the instance ids percent-encoded. */
  readonly peer: string;
  readonly signature: string;
}

/** A call whose head was signed by a holder of the secret. */
export interface SignedCall {
  readonly from: string;
  /** Bytes of the body. */
  readonly length: number;
  readonly bodyHash: string;
}

/** Named in the answers too, so that a caller of another release learns why it is refused. */
export const SIGNATURE_VERSION = 'v2';

/** Greatest age of a call, and greatest difference of the clocks of two instances. */
const MAX_AGE_MS = 30_000;

/**
 * Signs and checks calls between instances with HMAC-SHA256 over method, path, caller, callee, time, length and hash of the body.
 *
 * - The signature covers the head alone, so the callee checks it before it reads any of the body.
 * - Calls are reads: a call that is repeated within 30 s is answered again.
 * - Answers are signed over the signature of their call, so they cannot be exchanged.
 * - Nothing is encrypted.
 */
export class PeerAuth {
  constructor(
    private readonly secret: string,
    private readonly clock: Clock,
  ) {}

  sign(from: string, to: string, body: Uint8Array): PeerCredentials {
    const peer = [
      SIGNATURE_VERSION,
      encodeURIComponent(from),
      encodeURIComponent(to),
      this.clock.now(),
      body.length,
      hashOf(body),
      randomUUID(),
    ].join(' ');
    return { peer, signature: this.macOfHead(peer) };
  }

  /** @throws QueryError `peer-unauthenticated` unless a holder of the secret signed this head. */
  checkSignature({ peer, signature }: PeerCredentials): void {
    if (peer === '' || signature === '') throw refused('it is not signed');
    if (!peer.startsWith(`${SIGNATURE_VERSION} `))
      throw refused(
        `it is signed by another release (this one signs as ${SIGNATURE_VERSION}). Calls succeed once all instances run the same release`,
      );
    if (!areEqual(signature, this.macOfHead(peer)))
      throw refused('its signature is wrong. Give all instances the same "peers.secret"');
  }

  /**
   * Reads a head whose signature was checked.
   * @param to the id of this instance. @throws QueryError `peer-unauthenticated` for a call to another instance, or of another time.
   */
  read({ peer }: PeerCredentials, to: string): SignedCall {
    const [, from, target, time, length, bodyHash] = peer.split(' ');
    if (target !== encodeURIComponent(to)) throw refused('it is meant for another instance');
    const ageMs = this.clock.now() - Number(time);
    if (!(Math.abs(ageMs) <= MAX_AGE_MS))
      throw refused(
        `it was signed ${secondsOf(ageMs)} ${ageMs > 0 ? 'ago' : 'in the future'} by the clock of "${to}", and ${MAX_AGE_MS / 1000} s are allowed. Set the clocks of both instances`,
      );
    return { from: decodeURIComponent(from), length: Number(length), bodyHash };
  }

  /** @throws QueryError `peer-unauthenticated` if `body` is not the one that was signed. */
  checkBody({ length, bodyHash }: SignedCall, body: Uint8Array): void {
    if (body.length !== length || hashOf(body) !== bodyHash) throw refused('its body is not the one that was signed');
  }

  signAnswer({ signature }: PeerCredentials, status: number, body: Uint8Array): string {
    return this.mac(`answer ${status}\n${signature}\n${hashOf(body)}`);
  }

  isAnswer(request: PeerCredentials, status: number, body: Uint8Array, signature: string | undefined): boolean {
    return signature !== undefined && areEqual(signature, this.signAnswer(request, status, body));
  }

  /** @param date of an answer that no holder of the secret signed. @returns the likely reason, for a log. */
  doubt(date: string | undefined, version: string | undefined): string {
    if (version !== undefined && version !== SIGNATURE_VERSION)
      return `it signs calls as ${version.slice(0, 8)}, this release as ${SIGNATURE_VERSION}: calls succeed once all instances run the same release`;
    const aheadMs = Date.parse(date ?? '') - this.clock.now();
    if (Math.abs(aheadMs) > MAX_AGE_MS)
      return `its clock is ${secondsOf(aheadMs)} ${aheadMs > 0 ? 'ahead of' : 'behind'} the one here, where ${MAX_AGE_MS / 1000} s are allowed`;
    return version === undefined
      ? 'not as an instance of this release that holds the same "peers.secret"'
      : 'not as an instance that holds the same "peers.secret"';
  }

  private macOfHead(peer: string): string {
    return this.mac(`POST ${PEER_PATH}\n${peer}`);
  }

  private mac(text: string): string {
    return createHmac('sha256', this.secret).update(text).digest('base64url');
  }
}

function hashOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64url');
}

function secondsOf(ms: number): string {
  return `${Math.round(Math.abs(ms) / 1000)} s`;
}

function areEqual(a: string, b: string): boolean {
  const [given, expected] = [Buffer.from(a), Buffer.from(b)];
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function refused(reason: string): QueryError {
  return new QueryError('peer-unauthenticated', `The call between instances is refused: ${reason}.`);
}
