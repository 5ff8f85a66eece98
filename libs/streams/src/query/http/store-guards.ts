import type { CanActivate, Type } from '@nestjs/common';
import { ContextIdFactory, ModuleRef, ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import type { Module } from '@nestjs/core/injector/module.js';
import { REQUEST_CONTEXT_ID } from '@nestjs/core/router/request/request-constants.js';

/** Where `@UseGuards` keeps what it was given. */
const GUARDS_METADATA = '__guards__';

/** A guard as `@UseGuards` takes it. */
export type StoreGuard = CanActivate | Type<CanActivate>;

/** Returns the guards that `@UseGuards` declares on the class of a store. */
export function guardsOf(storeClass: object | undefined): readonly StoreGuard[] {
  return (storeClass && (Reflect.getMetadata(GUARDS_METADATA, storeClass) as StoreGuard[] | undefined)) ?? [];
}

/**
 * Gives the guards of one store from the module that provides the store. Nest made or checked them there when the application started. A guard that is
 * scoped to a request, or durable, belongs to the context of the request that asks.
 */
export class StoreGuards {
  private home: Module | undefined;
  private isDurable: boolean | undefined;

  constructor(
    private readonly storeClass: object | undefined,
    private readonly moduleRef: ModuleRef | undefined,
  ) {}

  async instanceOf(guard: StoreGuard, request: object): Promise<CanActivate> {
    if (typeof guard !== 'function') return guard;
    if (this.moduleRef === undefined) throw new Error(`There is no module to make the guard ${guard.name} of.`);
    const home = (this.home ??= this.moduleOfStore(this.moduleRef));
    const found = home === undefined ? undefined : guardWrapper(home, guard);
    // A store that no feature provides: its guards are made in the module of the endpoints.
    if (found === undefined) return existingOrNew(this.moduleRef, guard);
    const { owner, wrapper } = found;
    const ref = owner.getProviderByKey<ModuleRef>(ModuleRef).instance;
    if (wrapper.isDependencyTreeStatic() && !wrapper.isTransient) return ref.get<CanActivate>(guard, { strict: true });
    const isDurable = (this.isDurable ??= this.areDurable(home!));
    return ref.resolve<CanActivate>(guard, contextOf(ref, isDurable, request), { strict: true });
  }

  /** As Nest decides for a controller: one guard that is scoped to the request makes the context one of the request, whatever the order of the guards. */
  private areDurable(home: Module): boolean {
    return guardsOf(this.storeClass).every((guard) => {
      const wrapper = typeof guard === 'function' ? guardWrapper(home, guard)?.wrapper : undefined;
      return wrapper === undefined || wrapper.isDependencyTreeStatic() || wrapper.isDependencyTreeDurable();
    });
  }

  private moduleOfStore(moduleRef: ModuleRef): Module | undefined {
    const modules = moduleRef.get(ModulesContainer, { strict: false });
    return [...modules.values()].find((module) => module.providers.has(this.storeClass as Type<object>));
  }
}

/** Looks in the module, then in what it imports, as Nest does. */
function guardWrapper(
  module: Module,
  guard: Type<CanActivate>,
  seen = new Set<Module>(),
): { readonly owner: Module; readonly wrapper: InstanceWrapper } | undefined {
  if (seen.has(module)) return undefined;
  const wrapper = module.providers.get(guard);
  if (wrapper !== undefined && (seen.size === 0 || module.exports.has(guard))) return { owner: module, wrapper };
  seen.add(module);
  for (const imported of module.imports) {
    const found = guardWrapper(imported, guard, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function existingOrNew(moduleRef: ModuleRef, guard: Type<CanActivate>): Promise<CanActivate> {
  try {
    return moduleRef.get(guard, { strict: false });
  } catch {
    return moduleRef.create(guard);
  }
}

/** The context of the request; all guards and providers of one request share it. */
function contextOf(ref: ModuleRef, isDurable: boolean, request: object): ReturnType<typeof ContextIdFactory.create> {
  const contextId = ContextIdFactory.getByRequest(request as Record<string, unknown>);
  if (Object.hasOwn(request, REQUEST_CONTEXT_ID)) return contextId;
  Object.defineProperty(request, REQUEST_CONTEXT_ID, { value: contextId, enumerable: false, configurable: false });
  const { payload } = contextId;
  ref.registerRequestByContextId(isDurable ? payload : Object.assign(request, payload), contextId);
  return contextId;
}
