const FIRST_ASIDE_MS = 1000;
const MAX_ASIDE_MS = 60_000;

interface Instance {
  readonly url: string;
  /** Failures since the last answer; those of requests that were under way together count once. */
  failures: number;
  /** Other instances are preferred until then. */
  asideUntil: number;
  /** `Retry-After`: the instance asked not to be called before. */
  quietUntil: number;
}

/**
 * The instances that a client may ask, and which one is next. Requests stay with one instance until it fails. An instance that fails is set aside
 * for a time that doubles with each failure, and is asked earlier only if all others are set aside for longer.
 */
export class Instances {
  private readonly all: readonly Instance[];
  private current = 0;

  constructor(urls: readonly string[]) {
    const distinct = new Set(urls.map((url) => url.replace(/\/+$/, '')));
    this.all = Array.from(distinct, (url) => ({ url, failures: 0, asideUntil: -Infinity, quietUntil: -Infinity }));
  }

  next(nowMs: number): string {
    return this.choose(nowMs).url;
  }

  /** Milliseconds until the next instance may be asked again; 0 unless it sent `Retry-After`. */
  quietMs(nowMs: number): number {
    return Math.max(0, this.choose(nowMs).quietUntil - nowMs);
  }

  answered(url: string): void {
    const instance = this.find(url);
    instance.failures = 0;
    instance.asideUntil = -Infinity;
    instance.quietUntil = -Infinity;
  }

  /** @param quietMs what its `Retry-After` says */
  failed(url: string, nowMs: number, quietMs = 0): void {
    const instance = this.find(url);
    if (nowMs >= instance.asideUntil)
      instance.asideUntil = nowMs + Math.min(MAX_ASIDE_MS, FIRST_ASIDE_MS * 2 ** instance.failures++);
    instance.quietUntil = Math.max(instance.quietUntil, nowMs + quietMs);
    instance.asideUntil = Math.max(instance.asideUntil, instance.quietUntil);
    this.turnFrom(url);
  }

  /** The next request goes to another instance, unless another request has already moved on from `url`. */
  turnFrom(url: string): void {
    if (this.all[this.current].url === url) this.current = (this.current + 1) % this.all.length;
  }

  private choose(nowMs: number): Instance {
    const { all, current } = this;
    let chosen = all[current];
    for (let step = 0; step < all.length; step++) {
      const each = all[(current + step) % all.length];
      if (each.asideUntil <= nowMs) return each;
      if (each.asideUntil < chosen.asideUntil) chosen = each;
    }
    return chosen;
  }

  private find(url: string): Instance {
    return this.all.find((each) => each.url === url)!;
  }
}
