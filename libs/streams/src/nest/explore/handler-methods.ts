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
export function handlerMethods(type: new (...args: never[]) => object): HandlerMethod[] {
  const methods = new Map<string, HandlerMethod>();
  for (let prototype = type.prototype as object | null; prototype !== null && prototype !== Object.prototype;) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value !== 'function' || methods.has(name)) continue;
      const handler = streamHandlerOf(value as object);
      if (handler !== undefined) methods.set(name, { name, handler, sendTo: sendToOf(value as object) });
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return [...methods.values()];
}
