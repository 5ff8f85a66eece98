import type { WireFactory } from '../wire.js';
import { EmbeddedWire, type WireBroker } from './embedded-wire.js';

/** The wires of one process, so that a test can end that process and leave others alive. */
export class EmbeddedClient {
  private readonly opened = new Set<EmbeddedWire>();
  private isHalted = false;

  /** @param name precedes the roles that interceptors see: `name/role`. */
  constructor(
    private readonly broker: WireBroker,
    private readonly name?: string,
  ) {}

  readonly wires: WireFactory = (role) => {
    const wire = new EmbeddedWire(this.broker, this.name === undefined ? role : `${this.name}/${role}`, (closed) =>
      this.opened.delete(closed),
    );
    this.opened.add(wire);
    if (this.isHalted) wire.halt();
    return wire;
  };

  /**
   * Nothing is answered any more on the wires of this client, those it opens later included: what is left of a process that was killed. What it has asked
   * for still happens. Its promises stay pending until their wire is closed.
   */
  halt(): void {
    this.isHalted = true;
    for (const wire of this.opened) wire.halt();
  }

  async close(): Promise<void> {
    for (const wire of this.opened) await wire.close();
  }
}
