import {
  sendToOf,
  streamHandlerOf,
  type SendToMetadata,
  type StreamHandlerMetadata,
} from '../../decorators/stream-handler.decorator.js';

export interface HandlerMethod {
  readonly name: string;
  readonly handler: StreamHandlerMetadata;
  readonly sendTo: readonly SendToMetadata[];
}

/** The `@StreamHandler` methods of a class, inherited ones included, in order of declaration. */
export function handlerMethods(type: AnyClass): HandlerMethod[] {
  return methodsOf(type).flatMap(({ name, method }) => {
    const handler = streamHandlerOf(method);
    return handler === undefined ? [] : [{ name, handler, sendTo: sendToOf(method) }];
  });
}

/** What is wrong with the methods of a class, one sentence each. */
export function methodProblems(type: AnyClass, label: string): string[] {
  return methodsOf(type).flatMap(({ name, method, overridden }) => {
    if (streamHandlerOf(method) !== undefined) return [];
    if (sendToOf(method).length > 0)
      return [`${label}.${name} has @SendTo, but no @StreamHandler whose result it could send.`];
    return overridden.some((each) => streamHandlerOf(each) !== undefined)
      ? [`${label}.${name} overrides a @StreamHandler method: repeat its decorators, which are not inherited.`]
      : [];
  });
}

type AnyClass = new (...args: never[]) => object;

interface OwnMethod {
  readonly name: string;
  readonly method: object;
  readonly overridden: object[];
}

function methodsOf(type: AnyClass): OwnMethod[] {
  const methods = new Map<string, OwnMethod>();
  for (let prototype = type.prototype as object | null; prototype !== null && prototype !== Object.prototype;) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value !== 'function' || name === 'constructor') continue;
      const known = methods.get(name);
      if (known === undefined) methods.set(name, { name, method: value as object, overridden: [] });
      else known.overridden.push(value as object);
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return [...methods.values()];
}
