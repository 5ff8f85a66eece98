import 'reflect-metadata';
import type { ProcessorContext } from '../../topology/processor.js';
import { StreamContext } from '../stream-context.js';
import { CONTEXT, PAYLOAD, type EnhancedHost, type Method, type StreamEnhancers } from './stream-enhancers.js';

/** Nest's metadata keys, see `stream-enhancers.ts`. */
const PARAMETERS = '__routeArguments__';
const ENHANCERS = ['__guards__', '__pipes__', '__interceptors__', '__exceptionFilters__'];

interface Parameter {
  readonly index: number;
  readonly data?: unknown;
  readonly pipes?: readonly unknown[];
}

/** Calls a handler for one record. */
export type HandlerCall = (context: ProcessorContext) => unknown;

/**
 * The call of one handler method on one instance. A method without guards, pipes, interceptors, filters or parameter decorators of its own is
 * called directly; any other through Nest's `ExternalContextCreator`, with the context type `streams`.
 */
export function handlerCall(host: EnhancedHost, name: string, enhancers: StreamEnhancers): HandlerCall {
  const { instance } = host;
  const method = (instance as Record<string, Method>)[name]!;
  const parameters = parametersOf(instance, name);
  return enhancers.hasGlobal || hasEnhancers(instance, method) || !parameters.every(isPlain)
    ? throughNest(host, method, name, enhancers)
    : direct(instance, method, parameters);
}

/** Hot path (bench `process`): no array and no closure per record for the usual parameters. */
function direct(instance: object, method: Method, parameters: readonly PlainParameter[]): HandlerCall {
  let stream: StreamContext | undefined;
  const contextOf = (context: ProcessorContext): StreamContext => (stream ??= new StreamContext(context));
  const count = Math.max(0, ...parameters.map(({ index }) => index + 1));
  const kinds = Array.from(
    { length: count },
    (_, index) => parameters.find((parameter) => parameter.index === index)?.type,
  );
  // Without decorators a handler gets payload and context, as Nest's message handlers do.
  if (count === 0) return (context) => method.call(instance, context.value, contextOf(context));
  if (count === 1 && kinds[0] === PAYLOAD) return (context) => method.call(instance, context.value);
  if (count === 1) return (context) => method.call(instance, contextOf(context));
  if (count === 2 && kinds[0] === PAYLOAD) return (context) => method.call(instance, context.value, contextOf(context));
  return (context) =>
    method.apply(
      instance,
      kinds.map((kind) => (kind === PAYLOAD ? context.value : kind === CONTEXT ? contextOf(context) : undefined)),
    );
}

function throughNest(host: EnhancedHost, method: Method, name: string, enhancers: StreamEnhancers): HandlerCall {
  let stream: StreamContext | undefined;
  const call = enhancers.wrap(host, method, name);
  return (context) => call(context.value, (stream ??= new StreamContext(context)));
}

interface PlainParameter {
  readonly index: number;
  readonly type: number;
}

type DecoratedParameter = PlainParameter & { readonly data: unknown; readonly hasPipes: boolean };

function parametersOf(instance: object, name: string): DecoratedParameter[] {
  const metadata = (Reflect.getMetadata(PARAMETERS, instance.constructor, name) ?? {}) as Record<string, Parameter>;
  return Object.entries(metadata).map(([key, { index, data, pipes = [] }]) => ({
    // `3:0`; decorators made by `createParamDecorator` have a text in front.
    type: /^\d+:/.test(key) ? Number.parseInt(key, 10) : -1,
    index,
    data,
    hasPipes: pipes.length > 0,
  }));
}

function isPlain({ type, data, hasPipes }: DecoratedParameter): boolean {
  return !hasPipes && data === undefined && (type === PAYLOAD || type === CONTEXT);
}

function hasEnhancers(instance: object, method: Method): boolean {
  return ENHANCERS.some((key) => Reflect.hasMetadata(key, method) || Reflect.hasMetadata(key, instance.constructor));
}
