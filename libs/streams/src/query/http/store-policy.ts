import { ForbiddenException, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';
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

/** Where `@UseGuards` keeps what it was given. */
const GUARDS_METADATA = '__guards__';

type Guard = CanActivate | Type<CanActivate>;

/** Who may see what of one store: the guards of its class, and what its options say. */
export class StorePolicy {
  private readonly options: StoreQueryOptions;
  private readonly storeClass: object | undefined;
  private readonly declared: readonly Guard[];
  private guards: Promise<readonly CanActivate[]> | undefined;

  constructor(
    private readonly definition: StoreDefinition,
    private readonly moduleRef: ModuleRef | undefined,
  ) {
    this.storeClass = definition.storeClass;
    const options = this.storeClass && stateStoreOptionsOf(this.storeClass)?.query;
    this.options = typeof options === 'object' ? options : {};
    this.declared = (this.storeClass && (Reflect.getMetadata(GUARDS_METADATA, this.storeClass) as Guard[])) ?? [];
  }

  get isGuarded(): boolean {
    return this.declared.length > 0;
  }

  get isPerKey(): boolean {
    return this.options.authorize !== undefined;
  }

  /** @throws ForbiddenException, or what a guard throws */
  async guard(context: ExecutionContext): Promise<void> {
    this.guards ??= Promise.all(this.declared.map((guard) => this.instanceOf(guard)));
    for (const guard of await this.guards) {
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

  private async instanceOf(guard: Guard): Promise<CanActivate> {
    if (typeof guard !== 'function') return guard;
    if (this.moduleRef === undefined) throw new Error(`There is no module to make the guard ${guard.name} of.`);
    try {
      return this.moduleRef.get(guard, { strict: false });
    } catch {
      return this.moduleRef.create(guard);
    }
  }
}
