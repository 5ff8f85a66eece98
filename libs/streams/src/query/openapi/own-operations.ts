import type { INestApplication } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ApiExtension, type OpenAPIObject } from '@nestjs/swagger';
import { storesControllerOf } from '../http/stores-controller.js';

/** Tells operations of ours from those of the application, whatever their paths are. */
const MARK = 'x-nestjs-streams';

/** Marks what `storesController` has made for `app`, so that `withoutOwnOperations` knows it in a document. */
export function markOwnOperations(app: INestApplication): void {
  for (const { controllers } of app.get(ModulesContainer, { strict: false }).values())
    for (const { metatype } of controllers.values()) {
      const generated = metatype && storesControllerOf(metatype);
      if (generated) ApiExtension(MARK, true)(generated);
    }
}

/** What the application itself has in `paths`, and below which paths there are stores. */
export function withoutOwnOperations(paths: OpenAPIObject['paths']): {
  readonly others: OpenAPIObject['paths'];
  readonly bases: ReadonlySet<string>;
} {
  const others: OpenAPIObject['paths'] = {};
  const bases = new Set<string>();
  for (const [path, item] of Object.entries(paths)) {
    const kept = Object.entries(item).filter(([, operation]) => !isMarked(operation));
    if (kept.length > 0) others[path] = Object.fromEntries(kept);
    const store = path.lastIndexOf('/{store}');
    if (store >= 0 && kept.length < Object.keys(item).length) bases.add(path.slice(0, store));
  }
  return { others, bases };
}

function isMarked(operation: unknown): boolean {
  return typeof operation === 'object' && operation !== null && MARK in operation;
}
