import { Get, type Type } from '@nestjs/common';

/** What both routers read. Fastify's answers 414 to a parameter of more than 100 characters. */
export const KEY_ROUTE = ':store/entries/:key';

/** Fastify's router takes no empty parameter in the middle of a path. */
export const EMPTY_KEY_CHANGES_ROUTE = ':store/entries//changes';

/** Takes keys of any length, the empty one too; each router has a syntax of its own for it. */
const WILDCARD_ROUTES: Readonly<Record<string, string>> = {
  express: ':store/entries/*key',
  fastify: ':store/entries/*',
};

/**
 * Routes `handler`, a method of `controller`, on the wildcard of the platform. Works until the application registers its routes, so in
 * the controller's constructor. Where the platform is not known yet, as in a testing module, `KEY_ROUTE` stays.
 */
export function widenKeyRoute(controller: Type<object>, handler: string, platform: string | undefined): void {
  const route = (platform !== undefined && WILDCARD_ROUTES[platform]) || KEY_ROUTE;
  const prototype = controller.prototype as object;
  Get(route)(prototype, handler, Object.getOwnPropertyDescriptor(prototype, handler) as PropertyDescriptor);
}
