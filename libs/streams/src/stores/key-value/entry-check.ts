import { SerdeError } from '../../errors/serde-error.js';
import type { Serde } from '../../serdes/serde.js';
import type { StoreDefinition } from '../../topology/store-definition.js';

/**
 * Checks keys and values where they are written. The buffer keeps them as they are and serialises them at the commit, when the handler that wrote them
 * is not known any more.
 */
export class EntryCheck {
  /** @param isThorough also refuses what the serde would give back as something else. */
  constructor(
    private readonly definition: StoreDefinition,
    private readonly isThorough: boolean,
  ) {}

  /** Hot path: one call per put. @throws SerdeError */
  key(key: unknown): void {
    this.check(this.definition.key, key);
  }

  /** Hot path: one call per put. @throws SerdeError */
  value(value: unknown): void {
    if (value === undefined || value === null || value instanceof Promise) throw this.refusal(value);
    this.check(this.definition.value, value);
  }

  private check(serde: Serde<unknown>, part: unknown): void {
    if (serde.check !== undefined) serde.check(part);
    else if (this.isThorough) serde.serialize(part);
    if (this.isThorough) serde.checkRoundTrip?.(part);
  }

  private refusal(value: unknown): SerdeError {
    const { name } = this.definition;
    const text =
      value instanceof Promise
        ? 'a promise for a value. Await it first.'
        : `${String(value)} for a value. Call delete(key) to remove an entry.`;
    return new SerdeError(this.definition.value.name, `The store "${name}" was given ${text}`);
  }
}
