import type { ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { stateStoreOptionsOf, type StateStoreClass } from '../../decorators/state-store.decorator.js';
import { streamProcessorOptionsOf } from '../../decorators/stream-processor.decorator.js';
import { handlerMethods } from './handler-methods.js';

/** A processor as Nest provides it. */
export interface ProcessorProvider {
  readonly type: new (...args: never[]) => object;
  readonly wrapper: InstanceWrapper;
  /** Injected by the processor, by what it injects, or by its guards, pipes, interceptors and filters. */
  readonly stores: readonly StateStoreClass[];
}

/** What the application's modules provide of processors and stores, and where stores are injected. */
export interface ProviderGraph {
  readonly processors: readonly ProcessorProvider[];
  readonly stores: readonly StateStoreClass[];
  /** What injects a store outside tasks, itself or through a provider of processors. */
  readonly misplaced: readonly { readonly where: string; readonly store: StateStoreClass }[];
  /** Classes with handlers that are no processors, so that nothing would call them. */
  readonly unmarked: readonly string[];
}

/** Reads the dependency graph that Nest has built; nothing is instantiated. */
export function readProviderGraph(modules: ModulesContainer): ProviderGraph {
  const all = Array.from(modules.values());
  const providers = new Set(all.flatMap((module) => [...module.providers.values()]));
  const stores = new Set(Array.from(providers).flatMap((wrapper) => storeOf(wrapper) ?? []));
  const processors: ProcessorProvider[] = [];
  const inTasks = new Set<unknown>();
  for (const wrapper of providers) {
    const type = processorTypeOf(wrapper);
    if (type === undefined) continue;
    const below = dependenciesOf(wrapper, () => true);
    inTasks.add(typeOf(wrapper));
    for (const each of below) inTasks.add(typeOf(each));
    // The same class in two modules is one processor, that of the first.
    if (!processors.some((other) => other.type === type))
      processors.push({ type, wrapper, stores: storesAmong(below) });
  }
  const outside = [
    ...all.flatMap((module) => [...module.controllers.values()]),
    ...[...providers, ...all.flatMap((module) => [...module.injectables.values()])].filter(
      (wrapper) => !inTasks.has(typeOf(wrapper)) && storeOf(wrapper) === undefined && !wrapper.isAlias,
    ),
  ];
  // Below a provider that is no part of tasks there is nothing to add: it is looked at by itself.
  const misplaced = [...new Set(outside)].flatMap((wrapper) =>
    storesAmong(dependenciesOf(wrapper, (each) => inTasks.has(typeOf(each)))).map((store) => ({
      where: wrapper.name,
      store,
    })),
  );
  const unmarked = all
    .flatMap((module) => [...module.providers.values(), ...module.controllers.values()])
    .filter((wrapper) => processorTypeOf(wrapper) === undefined && hasHandlers(wrapper))
    .map(({ name }) => name);
  return { processors, stores: [...stores], misplaced, unmarked };
}

/** The same class may be provided by several modules. */
function typeOf({ metatype, token }: InstanceWrapper): unknown {
  return metatype ?? token;
}

function storeOf({ token }: InstanceWrapper): StateStoreClass | undefined {
  return stateStoreOptionsOf(token) === undefined ? undefined : (token as StateStoreClass);
}

/** By the provided class, or by the token where a factory or a value provides it. */
function processorTypeOf({ isAlias, metatype, token }: InstanceWrapper): ProcessorProvider['type'] | undefined {
  if (isAlias) return undefined;
  const type = [metatype, token].find((each) => streamProcessorOptionsOf(each) !== undefined);
  return type as ProcessorProvider['type'] | undefined;
}

function hasHandlers({ isAlias, isNotMetatype, metatype }: InstanceWrapper): boolean {
  if (isAlias || isNotMetatype || typeof metatype !== 'function') return false;
  return handlerMethods(metatype as ProcessorProvider['type']).length > 0;
}

function storesAmong(wrappers: Iterable<InstanceWrapper>): StateStoreClass[] {
  return [...new Set(Array.from(wrappers).flatMap((wrapper) => storeOf(wrapper) ?? []))];
}

function directDependencies(wrapper: InstanceWrapper): InstanceWrapper[] {
  const properties = (wrapper.getPropertiesMetadata() ?? []).map(({ wrapper: dependency }) => dependency);
  const enhancers = wrapper.getEnhancersMetadata() ?? [];
  return [...(wrapper.getCtorMetadata() ?? []), ...properties, ...enhancers].filter(
    (dependency) => dependency !== undefined,
  );
}

function dependenciesOf(wrapper: InstanceWrapper, descends: (into: InstanceWrapper) => boolean): Set<InstanceWrapper> {
  const found = new Set<InstanceWrapper>();
  const visit = (each: InstanceWrapper): void => {
    for (const dependency of directDependencies(each)) {
      if (found.has(dependency)) continue;
      found.add(dependency);
      if (descends(dependency)) visit(dependency);
    }
  };
  visit(wrapper);
  return found;
}
