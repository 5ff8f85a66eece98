import type { INestApplication, Type } from '@nestjs/common';
import { getSchemaPath, SwaggerModule, type OpenAPIObject, type SwaggerDocumentOptions } from '@nestjs/swagger';
import { stateStoreOptionsOf } from '../../decorators/state-store.decorator.js';
import { STREAMS_RUNTIME } from '../../nest/tokens.js';
import type { StreamsRuntime } from '../../runtime/streams-runtime.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { jsonSchema, PLATFORM_ERROR_SCHEMA, PROBLEM_SCHEMA, UNREACHABLE_SCHEMA, type Schema } from './schema.js';
import { listPath, storePaths, type DescribedStore } from './store-paths.js';

const GENERIC = '/{store}';

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
  const document = SwaggerModule.createDocument(app, config, {
    ...options,
    extraModels: [...(options.extraModels ?? []), ...models],
  });
  const described = stores.map((definition): DescribedStore => ({ definition, valueSchema: valueSchema(definition) }));
  return { ...document, openapi: '3.1.0', paths: typedPaths(document, described), components: components(document) };
}

function typedPaths({ paths }: OpenAPIObject, stores: readonly DescribedStore[]): OpenAPIObject['paths'] {
  const bases = new Set(
    Object.keys(paths).flatMap((path) =>
      path.endsWith(`${GENERIC}/lookup`) ? [path.slice(0, -`${GENERIC}/lookup`.length)] : [],
    ),
  );
  const typed: OpenAPIObject['paths'] = {};
  for (const [path, item] of Object.entries(paths))
    if (![...bases].some((base) => path.startsWith(`${base}${GENERIC}`))) typed[path] = item;
  for (const base of bases) {
    typed[base] = listPath();
    for (const store of stores) Object.assign(typed, storePaths(base, store));
  }
  return typed;
}

function components({ components = {} }: OpenAPIObject): OpenAPIObject['components'] {
  const schemas = {
    ...components.schemas,
    Problem: PROBLEM_SCHEMA,
    PlatformError: PLATFORM_ERROR_SCHEMA,
    UnreachablePartitions: UNREACHABLE_SCHEMA,
  };
  return { ...components, schemas } as OpenAPIObject['components'];
}

function valueSchema(definition: StoreDefinition): Schema {
  const dto = dtoOf(definition);
  return dto ? { $ref: getSchemaPath(dto) } : jsonSchema(definition.value);
}

function dtoOf({ storeClass }: StoreDefinition): Type<unknown> | undefined {
  const query = storeClass && stateStoreOptionsOf(storeClass)?.query;
  return typeof query === 'object' ? (query.dto as Type<unknown> | undefined) : undefined;
}
