import type { StoreCorruptedError } from '../errors/store-corrupted-error.js';
import type { StoreDefinition } from '../topology/store-definition.js';
import { BufferedKeyValueStore } from './key-value/buffered-key-value-store.js';
import type { KeyPlace } from './key-value/key-place.js';
import type { StateStore } from './state-store.js';
import type { WriteGate } from './write-gate.js';
import type { StoreEngine } from './store-engine.js';

export interface StateStoreOptions {
  readonly freezeValues: boolean;
  /** Refuses writes while it is closed; absent: nothing is refused. */
  readonly gate?: WriteGate;
  /** Checks what is written. */
  readonly place?: KeyPlace | undefined;
  /** The typed object that user code sees; absent: a plain one of the store's kind. */
  readonly facade?: object;
  /** A query found the store damaged. */
  readonly onDamage?: (error: StoreCorruptedError) => void;
}

/** Puts the layers of one store partition together: typed object, write-back buffer, engine. */
export function createStateStore(
  definition: StoreDefinition,
  engine: StoreEngine,
  options: StateStoreOptions,
): StateStore {
  return new BufferedKeyValueStore({ definition, engine, ...options });
}
