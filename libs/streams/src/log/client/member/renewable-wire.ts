import type { Wire } from '../../wire.js';
import { ConnectedWire, type WireConnection } from '../connected-wire.js';

/** A wire that gives way to a fresh one when its connection is found dead. Requests under way on the old one reject. */
export class RenewableWire implements WireConnection {
  private current: ConnectedWire;
  private isClosed = false;

  constructor(private readonly open: () => Wire) {
    this.current = new ConnectedWire(open());
  }

  get wire(): Wire {
    return this.current.wire;
  }

  connect(): Promise<void> {
    return this.current.connect();
  }

  /** Does nothing if `old` has been replaced already, or after `close`. */
  async renew(old: Wire): Promise<void> {
    if (old !== this.wire || this.isClosed) return;
    this.current = new ConnectedWire(this.open());
    await old.close();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.wire.close();
  }
}
