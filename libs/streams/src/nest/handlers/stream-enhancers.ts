import { ExternalContextCreator, type ApplicationConfig, type ModulesContainer } from '@nestjs/core';
import { BaseExceptionFilterContext } from '@nestjs/core/exceptions/base-exception-filter-context.js';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { NestContainer } from '@nestjs/core/injector/container.js';
import type { ContextId, InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { isObservable, lastValueFrom } from 'rxjs';

/** Nest's metadata keys; they are not exported by its public entry points, and are part of what param decorators of users rely on. */
const PARAMETERS = '__routeArguments__';
const FILTERS = '__exceptionFilters__';
const CONTEXT_TYPE = 'streams';

/** `RpcParamtype` of @nestjs/microservices. */
export const PAYLOAD = 3;
export const CONTEXT = 6;

export type Method = (...args: unknown[]) => unknown;

/** The object whose method is wrapped. */
export interface EnhancedHost {
  readonly instance: object;
  readonly wrapper: InstanceWrapper;
  /** Of the task; undefined for a singleton. */
  readonly contextId: ContextId | undefined;
}

/**
 * Nest's guards, interceptors, pipes and filters around handlers: those of the method and its class. Global guards, interceptors and pipes are added if
 * the application's configuration is inherited, as for the message handlers of a hybrid application; global filters never are, since what they
 * handle would count as processed.
 */
export class StreamEnhancers {
  private readonly external: ExternalContextCreator;
  private readonly filters: StreamFilters;

  constructor(
    modules: ModulesContainer,
    private readonly inherited: ApplicationConfig | undefined,
  ) {
    // Without an `applicationConfig` there are no global enhancers.
    const container = { getModules: () => modules, applicationConfig: inherited } as NestContainer;
    this.external = ExternalContextCreator.fromContainer(container);
    this.filters = new StreamFilters(container);
  }

  /** Whether every handler has enhancers; known once the application has started. */
  get hasGlobal(): boolean {
    const { inherited } = this;
    if (inherited === undefined) return false;
    const { length } = [
      ...inherited.getGlobalGuards(),
      ...inherited.getGlobalInterceptors(),
      ...inherited.getGlobalPipes(),
    ];
    return length > 0;
  }

  wrap({ instance, wrapper, contextId }: EnhancedHost, method: Method, name: string): Method {
    const call = this.external.create(
      instance as Record<string, Method>,
      method,
      name,
      PARAMETERS,
      parametersFactory,
      contextId,
      wrapper.id,
      { guards: true, interceptors: true, filters: false },
      CONTEXT_TYPE,
    );
    const moduleKey = wrapper.host?.token ?? '';
    const filters = this.filters.of(instance, method, moduleKey, contextId, wrapper.id);
    if (filters.length === 0) return call;
    return async (...args) => {
      try {
        return await (call(...args) as Promise<unknown>);
      } catch (error) {
        const filter = filters.find(({ exceptionMetatypes: types }) => matches(error, types));
        if (filter === undefined) throw error;
        const host = new ExecutionContextHost(args);
        host.setType(CONTEXT_TYPE);
        const answer: unknown = await filter.func(error, host);
        // RPC filters answer with a stream, which fails where the error is to go on.
        return isObservable(answer) ? lastValueFrom(answer, { defaultValue: undefined }) : answer;
      }
    };
  }
}

/** Says which global enhancers `inheritAppConfig` cannot apply: those of requests, of which a handler has none. */
export function inheritanceProblems(inherited: ApplicationConfig | undefined): string[] {
  if (inherited === undefined) return [];
  return [
    ...inherited.getGlobalRequestGuards(),
    ...inherited.getGlobalRequestInterceptors(),
    ...inherited.getGlobalRequestPipes(),
  ].map(
    ({ name, metatype }) =>
      `"inheritAppConfig" cannot apply the global ${metatype?.name ?? String(name)}, which is request-scoped: a record is not a request. ` +
      `Make it and what it injects singletons, or leave "inheritAppConfig" out.`,
  );
}

interface Filter {
  readonly func: (error: unknown, host: ExecutionContextHost) => unknown;
  readonly exceptionMetatypes: readonly (new (...args: never[]) => unknown)[];
}

/**
 * Finds filters as Nest does. Nest's own handler of them takes a filter that returns nothing for one that did not handle the error, and a
 * filter of a stream handler has nothing to return.
 */
class StreamFilters extends BaseExceptionFilterContext {
  /** The last one that was declared comes first, and those of the method before those of the class. */
  of(instance: object, method: Method, moduleKey: string, contextId: ContextId | undefined, hostId: string): Filter[] {
    this.moduleContext = moduleKey;
    return this.createContext(instance as never, method, FILTERS, contextId, hostId).reverse() as unknown as Filter[];
  }
}

function matches(error: unknown, types: Filter['exceptionMetatypes']): boolean {
  return types.length === 0 || types.some((type) => error instanceof type);
}

const parametersFactory = {
  exchangeKeyForValue(type: number, data: unknown, args: readonly unknown[]): unknown {
    const [payload, context] = args;
    if (type === CONTEXT) return context;
    if (type !== PAYLOAD) return undefined;
    return typeof data === 'string' && data !== '' ? (payload as Record<string, unknown> | null)?.[data] : payload;
  },
};
