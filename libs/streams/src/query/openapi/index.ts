import type { INestApplication, Type } from '@nestjs/common';
import { getSchemaPath, SwaggerModule, type OpenAPIObject, type SwaggerDocumentOptions } from '@nestjs/swagger';
import { stateStoreOptionsOf } from '../../decorators/state-store.decorator.js';
import { STREAMS_RUNTIME } from '../../nest/tokens.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { markOwnOperations, withoutOwnOperations } from './own-operations.js';
import { jsonSchema, type Schema } from './schema.js';
import { withSharedSchemas, type SharedReferences } from './shared-schemas.js';
import { listPath, storePaths, type DescribedStore, type PathItem } from './store-paths.js';
import { UniqueNames } from './unique-names.js';

/**
 * As `SwaggerModule.createDocument`, with typed paths for each queryable store in place of the generic ones of their controller: OpenAPI 3.1, values
 * as `query.dto` of the store describes them. Works once the application is initialised.
 *
 * ```ts
 * await app.init();
 * SwaggerModule.setup('api', app, createStreamsDocument(app, new DocumentBuilder().setTitle('Bank').build()));
 * ```
 */
export function createStreamsDocument(
  app: INestApplication,
  config: Parameters<typeof SwaggerModule.createDocument>[1],
  options: SwaggerDocumentOptions = {},
): OpenAPIObject {
  const { topology } = app.get<StreamsRuntime>(STREAMS_RUNTIME, { strict: false });
  const stores = topology.stores.filter(({ isQueryable }) => isQueryable);
  const models = stores.flatMap((store) => dtoOf(store) ?? []);
  markOwnOperations(app);
  const document = SwaggerModule.createDocument(app, config, {
    ...options,
    extraModels: [...(options.extraModels ?? []), ...models],
  });
  const described = stores.map((definition): DescribedStore => ({ definition, valueSchema: valueSchema(definition) }));
  const { schemas, shared } = withSharedSchemas(document.components?.schemas);
  const components = { ...document.components, schemas } as OpenAPIObject['components'];
  return { ...document, openapi: '3.1.0', paths: typedPaths(document, described, shared), components };
}

function typedPaths(
  { paths, webhooks }: OpenAPIObject,
  stores: readonly DescribedStore[],
  shared: SharedReferences,
): OpenAPIObject['paths'] {
  const { others, bases } = withoutOwnOperations(paths);
  const ids = new UniqueNames(operationIds({ ...others, ...webhooks }));
  // By their names, so that it is no matter in which order they were found.
  const sorted = [...stores].sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
  const typed = { ...others };
  for (const base of bases) {
    const ours = listPath(base, shared);
    for (const store of sorted) Object.assign(ours, storePaths(base, store, shared));
    // What the application has described at a path of ours stays.
    for (const [path, item] of Object.entries(ours)) typed[path] = { ...withUniqueIds(item, ids), ...typed[path] };
  }
  return typed;
}

function withUniqueIds(item: PathItem, ids: UniqueNames): PathItem {
  return Object.fromEntries(
    Object.entries(item).map(([method, operation]) => [
      method,
      { ...operation, operationId: ids.take(operation.operationId) },
    ]),
  );
}

function operationIds(items: Readonly<Record<string, object>>): string[] {
  const operations = Object.values(items).flatMap((item): { readonly operationId?: string }[] => Object.values(item));
  return operations.flatMap(({ operationId }) => operationId ?? []);
}

function valueSchema(definition: StoreDefinition): Schema {
  const dto = dtoOf(definition);
  return dto ? { $ref: getSchemaPath(dto) } : jsonSchema(definition.value);
}

function dtoOf({ storeClass }: StoreDefinition): Type<unknown> | undefined {
  const query = storeClass && stateStoreOptionsOf(storeClass)?.query;
  return typeof query === 'object' ? (query.dto as Type<unknown> | undefined) : undefined;
}
