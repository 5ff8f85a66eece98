const WORD_BITS = 32;
const WORDS = 128;
/** How far numbers of one session may come out of order. */
const WINDOW = WORDS * WORD_BITS;
const MAX_SESSIONS = 10_000;

/** The numbers of one session that were seen, of the last `WINDOW` (as RFC 4303, 3.4.3). */
class Session {
  private readonly seen = new Uint32Array(WORDS);
  private highest = -1;

  constructor(public lastAt: number) {}

  take(number: number): boolean {
    if (number <= this.highest - WINDOW) return false;
    if (number > this.highest) {
      for (let each = Math.max(this.highest + 1, number - WINDOW + 1); each <= number; each++) this.mark(each, false);
      this.highest = number;
    } else if (this.isMarked(number)) return false;
    this.mark(number, true);
    return true;
  }

  private isMarked(number: number): boolean {
    return (this.seen[Math.floor(number / WORD_BITS) % WORDS] & (1 << (number % WORD_BITS))) !== 0;
  }

  private mark(number: number, isSeen: boolean): void {
    const word = Math.floor(number / WORD_BITS) % WORDS;
    const bit = 1 << (number % WORD_BITS);
    this.seen[word] = isSeen ? this.seen[word] | bit : this.seen[word] & ~bit;
  }
}

/** Recognises requests that were seen before, in constant memory for each sender. */
export class ReplayWindow {
  private readonly sessions = new Map<string, Session>();

  /** @param lifetimeMs after which a silent session is forgotten; older requests have to be refused by their time. */
  constructor(private readonly lifetimeMs: number) {}

  /** @returns false if the number was seen before in this session, or is too old to tell. */
  take(sessionId: string, number: number, now: number): boolean {
    if (!Number.isSafeInteger(number) || number < 0) return false;
    let session = this.sessions.get(sessionId);
    if (session === undefined) {
      if (this.sessions.size >= MAX_SESSIONS) this.forget(now);
      if (this.sessions.size >= MAX_SESSIONS) return false;
      session = new Session(now);
      this.sessions.set(sessionId, session);
    }
    session.lastAt = now;
    return session.take(number);
  }

  private forget(now: number): void {
    for (const [id, { lastAt }] of this.sessions) if (now - lastAt > this.lifetimeMs) this.sessions.delete(id);
  }
}
