import { Inject } from '@nestjs/common';
import type { StateStoreClass } from './state-store.decorator.js';
import { stateStoreOptionsOf } from './state-store.decorator.js';

/** Token of the read-only view of a store. */
export function readOnlyStoreToken(store: StateStoreClass): string {
  return `nestjs-streams:read-only-store:${stateStoreOptionsOf(store)?.name ?? store.name}`;
}

/** Injects a `ReadOnlyStore` of the committed entries that this instance holds; for controllers and other code outside tasks. */
export function InjectReadOnlyStore(store: StateStoreClass): ParameterDecorator & PropertyDecorator {
  return Inject(readOnlyStoreToken(store));
}
