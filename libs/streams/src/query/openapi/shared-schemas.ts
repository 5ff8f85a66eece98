import type { Schema } from './schema.js';
import { UniqueNames } from './unique-names.js';

const PROBLEM_SCHEMA: Schema = {
  type: 'object',
  description: 'RFC 9457. Further members depend on the type.',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    retryAfterS: { type: 'number' },
  },
};

/** What Express, Fastify or a parser of the application refuses by itself. */
const PLATFORM_ERROR_SCHEMA: Schema = {
  type: 'object',
  properties: { statusCode: { type: 'integer' }, message: {}, error: { type: 'string' } },
};

const UNREACHABLE_SCHEMA: Schema = {
  type: 'array',
  items: {
    type: 'object',
    required: ['partition', 'reason'],
    properties: { partition: { type: 'integer', minimum: 0 }, reason: { type: 'string' } },
  },
};

/** How to refer to what answers of all stores have in common. */
export interface SharedReferences {
  readonly problem: Schema;
  readonly platformError: Schema;
  readonly unreachable: Schema;
}

/** `schemas` with ours beside them, under names that the application does not use itself. */
export function withSharedSchemas(schemas: object = {}): {
  readonly schemas: Readonly<Record<string, unknown>>;
  readonly shared: SharedReferences;
} {
  const names = new UniqueNames(Object.keys(schemas));
  const all: Record<string, unknown> = { ...schemas };
  const share = (wanted: string, schema: Schema): Schema => {
    const name = names.take(wanted);
    all[name] = schema;
    return { $ref: `#/components/schemas/${name}` };
  };
  const shared = {
    problem: share('StreamsProblem', PROBLEM_SCHEMA),
    platformError: share('StreamsPlatformError', PLATFORM_ERROR_SCHEMA),
    unreachable: share('StreamsUnreachablePartitions', UNREACHABLE_SCHEMA),
  };
  return { schemas: all, shared };
}
