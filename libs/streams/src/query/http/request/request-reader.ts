import type { FreshnessRequest } from '../../position/freshness-request.js';

/** Who sent a request, and until when somebody waits for its answer. */
export class RequestReader {
  /** @param begin gives the signal that aborts when nobody waits any more; called only where that is needed. */
  constructor(
    private readonly client: string,
    private readonly begin: () => AbortSignal,
  ) {}

  /** For requests that may take long. */
  untilGone(): Required<Pick<FreshnessRequest, 'client' | 'signal'>> {
    return { client: this.client, signal: this.begin() };
  }

  /** For reads of one key: one that does not wait has ended before its client could go. */
  reading(freshness: FreshnessRequest | undefined): FreshnessRequest | undefined {
    if (freshness === undefined) return undefined;
    return freshness.waitMs === undefined
      ? { ...freshness, client: this.client }
      : { ...freshness, ...this.untilGone() };
  }
}
