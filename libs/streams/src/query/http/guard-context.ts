import type { ExecutionContext, Type } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { StoreAccess } from '../../decorators/state-store.decorator.js';
import type { QueryRequest, QueryResponse } from './answer/http-answer.js';

export type QueryKind = StoreAccess['kind'] | 'stores' | 'store' | 'metadata';

/** The controller's method that answers each kind of request. */
const METHODS: Readonly<Record<QueryKind, string>> = {
  stores: 'stores',
  store: 'store',
  metadata: 'metadata',
  count: 'count',
  changes: 'changes',
  lookup: 'lookup',
  scan: 'entries',
  get: 'entry',
};

export interface GuardedRoute {
  readonly controller: Type<object>;
  /** The class by which guards read their own metadata, such as roles; undefined for a store without one. */
  readonly storeClass: object | undefined;
  readonly kind: QueryKind;
}

/** Makes the context that the guards of a store see: the store as the class, and the method of the controller as the handler. */
export function guardContext(
  { controller, storeClass, kind }: GuardedRoute,
  request: QueryRequest,
  response: QueryResponse,
): ExecutionContext {
  const handler = (controller.prototype as Record<string, () => void>)[METHODS[kind]]!;
  const context = new ExecutionContextHost([request, response], (storeClass ?? controller) as Type<object>, handler);
  context.setType('http');
  return context;
}
