import type { Wire } from '../wire.js';

/** A wire and the way to have it connected. */
export interface WireConnection {
  readonly wire: Wire;
  connect(): Promise<void>;
}

/** Connects a wire at most once at a time; a failed attempt is forgotten, so that the next call tries again. */
export class ConnectedWire implements WireConnection {
  private attempt: Promise<void> | undefined;

  constructor(readonly wire: Wire) {}

  connect(): Promise<void> {
    this.attempt ??= this.wire.connect().catch((error: unknown) => {
      this.attempt = undefined;
      throw error;
    });
    return this.attempt;
  }
}
