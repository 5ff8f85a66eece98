import type { Clock } from '../../time/clock.js';

export interface OpenRequest {
  /** Of the broker, `host:port`. */
  readonly broker: string;
  readonly api: string;
  readonly sentAtMs: number;
  isReported: boolean;
}

/** The requests of a wire that have no answer yet. */
export class OpenRequests {
  private readonly open = new Set<OpenRequest>();

  constructor(private readonly clock: Clock) {}

  get isEmpty(): boolean {
    return this.open.size === 0;
  }

  begin(broker: string, api: string): OpenRequest {
    const request = { broker, api, sentAtMs: this.clock.monotonic(), isReported: false };
    this.open.add(request);
    return request;
  }

  end(request: OpenRequest): void {
    this.open.delete(request);
  }

  /** Those that have waited for so long. */
  olderThan(ageMs: number): OpenRequest[] {
    const sentBefore = this.clock.monotonic() - ageMs;
    return [...this.open].filter(({ sentAtMs }) => sentAtMs <= sentBefore);
  }
}
