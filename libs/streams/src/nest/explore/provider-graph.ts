import type { ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { stateStoreOptionsOf, type StateStoreClass } from '../../decorators/state-store.decorator.js';
import { streamProcessorOptionsOf } from '../../decorators/stream-processor.decorator.js';

/** A processor as Nest provides it. */
export interface ProcessorProvider {
  readonly type: new (...args: never[]) => object;
  readonly wrapper: InstanceWrapper;
  /** Injected by the processor or by what it injects. */
  readonly stores: readonly StateStoreClass[];
}

/** What the application's modules provide of processors and stores, and where stores are injected. */
export interface ProviderGraph {
  readonly processors: readonly ProcessorProvider[];
  readonly stores: readonly StateStoreClass[];
  /** Controllers and other providers outside tasks that inject a store, with that store. */
  readonly misplaced: readonly { readonly where: string; readonly store: StateStoreClass }[];
}

/** Reads the dependency graph that Nest has built; nothing is instantiated. */
export function readProviderGraph(modules: ModulesContainer): ProviderGraph {
  const wrappers = new Map<InstanceWrapper, { readonly isController: boolean }>();
  for (const module of modules.values()) {
    for (const wrapper of module.providers.values()) wrappers.set(wrapper, { isController: false });
    for (const wrapper of module.controllers.values()) wrappers.set(wrapper, { isController: true });
  }
  const stores = new Set<StateStoreClass>();
  const processors: ProcessorProvider[] = [];
  const reachable = new Set<InstanceWrapper>();
  for (const wrapper of wrappers.keys()) {
    const store = storeOf(wrapper);
    if (store !== undefined) stores.add(store);
    const type = wrapper.metatype as ProcessorProvider['type'] | null;
    if (streamProcessorOptionsOf(type) === undefined || processors.some((other) => other.type === type)) continue;
    const below = dependenciesOf(wrapper);
    for (const each of below) reachable.add(each);
    processors.push({ type: type!, wrapper, stores: storesAmong(below) });
  }
  const isProcessor = (wrapper: InstanceWrapper): boolean => streamProcessorOptionsOf(wrapper.metatype) !== undefined;
  const misplaced = Array.from(wrappers).flatMap(([wrapper, { isController }]) => {
    if (!isController && (isProcessor(wrapper) || storeOf(wrapper) !== undefined || reachable.has(wrapper))) return [];
    return storesAmong(directDependencies(wrapper)).map((store) => ({ where: wrapper.name, store }));
  });
  return { processors, stores: [...stores], misplaced };
}

function storeOf(wrapper: InstanceWrapper): StateStoreClass | undefined {
  return stateStoreOptionsOf(wrapper.token) === undefined ? undefined : (wrapper.token as StateStoreClass);
}

function storesAmong(wrappers: Iterable<InstanceWrapper>): StateStoreClass[] {
  return [...new Set(Array.from(wrappers).flatMap((wrapper) => storeOf(wrapper) ?? []))];
}

function directDependencies(wrapper: InstanceWrapper): InstanceWrapper[] {
  const properties = (wrapper.getPropertiesMetadata() ?? []).map(({ wrapper: dependency }) => dependency);
  return [...(wrapper.getCtorMetadata() ?? []), ...properties].filter((dependency) => dependency !== undefined);
}

function dependenciesOf(wrapper: InstanceWrapper): Set<InstanceWrapper> {
  const found = new Set<InstanceWrapper>();
  const visit = (each: InstanceWrapper): void => {
    for (const dependency of directDependencies(each)) {
      if (found.has(dependency)) continue;
      found.add(dependency);
      visit(dependency);
    }
  };
  visit(wrapper);
  return found;
}
