import { ForbiddenException, type ExecutionContext } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import {
  stateStoreOptionsOf,
  type StoreAccess,
  type StoreQueryOptions,
} from '../../decorators/state-store.decorator.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { QueryError } from '../problem/query-error.js';
import type { ValueMapping } from './answer/entry-json.js';
import { guardsOf, StoreGuards, type StoreGuard } from './store-guards.js';

/** Who may see what of one store: the guards of its class, and what its options say. */
export class StorePolicy {
  private readonly options: StoreQueryOptions;
  private readonly storeClass: object | undefined;
  private readonly declared: readonly StoreGuard[];
  private readonly guards: StoreGuards;

  constructor(
    private readonly definition: StoreDefinition,
    moduleRef: ModuleRef | undefined,
  ) {
    this.storeClass = definition.storeClass;
    const options = this.storeClass && stateStoreOptionsOf(this.storeClass)?.query;
    this.options = typeof options === 'object' ? options : {};
    this.declared = guardsOf(this.storeClass);
    this.guards = new StoreGuards(this.storeClass, moduleRef);
  }

  get isGuarded(): boolean {
    return this.declared.length > 0;
  }

  get isPerKey(): boolean {
    return this.options.authorize !== undefined;
  }

  /** @throws ForbiddenException, or what a guard throws */
  async guard(context: ExecutionContext): Promise<void> {
    const request = context.getArgByIndex<object>(0);
    for (const declared of this.declared) {
      const guard = await this.guards.instanceOf(declared, request);
      const answer = guard.canActivate(context);
      if (!(await (isObservable(answer) ? lastValueFrom(answer) : answer))) throw new ForbiddenException();
    }
  }

  /** @throws QueryError `forbidden` */
  async authorize(access: StoreAccess): Promise<void> {
    if (await this.mayRead(access)) return;
    throw new QueryError('forbidden', 'Access to this entry is denied.', { members: { store: this.definition.name } });
  }

  /** Truthy, as of a guard: a hook that forgets to answer denies. */
  mayRead(access: StoreAccess): boolean | Promise<boolean> {
    const { authorize } = this.options;
    return authorize === undefined || authorize(access);
  }

  /** Whether what a caller sees of an entry is less than what is stored, so that conditions have to be met by what is seen. */
  get hides(): boolean {
    return this.isPerKey || this.options.map !== undefined;
  }

  mapping(request: unknown, kind: StoreAccess['kind']): ValueMapping | undefined {
    const { map } = this.options;
    if (map === undefined) return undefined;
    return (value, key) => map(value, { request, store: this.definition.name, kind, key });
  }

  /** The class by which guards read their own metadata, such as roles. */
  get class(): object | undefined {
    return this.storeClass;
  }
}
