import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../time/clock.js';
import { QueryError } from '../problem/query-error.js';
import { ReplayWindow } from './replay-window.js';

/** What a request between instances carries beside its body. */
export interface PeerCredentials {
  /** `v1 <from> <to> <time> <session> <number>`, the ids percent-encoded. */
  readonly peer: string;
  readonly signature: string;
}

/** Clocks of instances may differ by this. */
const MAX_SKEW_MS = 30_000;

/**
 * Signs and checks calls between instances with HMAC-SHA256 over who calls whom, when, a number that is used once, and the body. Answers are signed
 * over the signature of their request, so they cannot be exchanged. It does not encrypt.
 */
export class PeerAuth {
  private readonly session = randomBytes(12).toString('base64url');
  private readonly window = new ReplayWindow(2 * MAX_SKEW_MS);
  private next = 0;
  /** What was signed before, a former process of this instance may have answered already. */
  private readonly startedAt: number;

  constructor(
    private readonly secret: string,
    private readonly clock: Clock,
  ) {
    this.startedAt = clock.now();
  }

  sign(from: string, to: string, body: Uint8Array): PeerCredentials {
    const peer = ['v1', encodeURIComponent(from), encodeURIComponent(to), this.clock.now(), this.session, this.next++];
    const text = peer.join(' ');
    return { peer: text, signature: this.mac('request', text, body) };
  }

  /** What can be told before the body is there, so that nobody's body is read who does not even claim to be an instance. @throws as `check` does */
  admit({ peer, signature }: PeerCredentials, to: string): void {
    if (peer === '' || signature === '') throw refused('it is not signed');
    this.claims(peer, to);
  }

  /**
   * @param to the id of this instance. @returns the id of the caller.
   * @throws QueryError `peer-unauthenticated` unless a holder of the secret signed exactly this for this instance, lately and for the first time.
   */
  check({ peer, signature }: PeerCredentials, to: string, body: Uint8Array): string {
    if (!areEqual(signature, this.mac('request', peer, body))) throw refused('its signature is wrong');
    const { from, session, number } = this.claims(peer, to);
    if (!this.window.take(session, Number(number), this.clock.now())) throw refused('it was seen before');
    return decodeURIComponent(from);
  }

  private claims(
    peer: string,
    to: string,
  ): { readonly from: string; readonly session: string; readonly number: string } {
    const [version, from, target, time, session, number] = peer.split(' ');
    if (version !== 'v1') throw refused('its version is not known');
    if (target !== encodeURIComponent(to)) throw refused('it is meant for another instance');
    const isNear = Math.abs(this.clock.now() - Number(time)) <= MAX_SKEW_MS;
    if (!isNear) throw refused('its time is too far from the clock here');
    if (Number(time) < this.startedAt) throw refused('it was signed before this instance was started');
    return { from, session, number };
  }

  /** Of an answer, bound to its request. */
  signAnswer({ signature }: PeerCredentials, status: number, body: Uint8Array): string {
    return this.mac(`answer ${status}`, signature, body);
  }

  isAnswer(request: PeerCredentials, status: number, body: Uint8Array, signature: string | undefined): boolean {
    return signature !== undefined && areEqual(signature, this.signAnswer(request, status, body));
  }

  /** @param date of an answer that no holder of the secret signed. @returns what may be wrong, for a log. */
  doubt(date: string | undefined): string {
    const aheadMs = Date.parse(date ?? '') - this.clock.now();
    if (!(Math.abs(aheadMs) > MAX_SKEW_MS)) return 'not as an instance that holds the same "peers.secret"';
    const seconds = Math.round(Math.abs(aheadMs) / 1000);
    return `its clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the one here, where ${MAX_SKEW_MS / 1000} s are allowed`;
  }

  private mac(purpose: string, text: string, body: Uint8Array): string {
    return createHmac('sha256', this.secret).update(`${purpose}\n${text}\n`).update(body).digest('base64url');
  }
}

function areEqual(a: string, b: string): boolean {
  const [given, expected] = [Buffer.from(a), Buffer.from(b)];
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function refused(reason: string): QueryError {
  return new QueryError('peer-unauthenticated', `The call between instances is refused: ${reason}.`);
}
