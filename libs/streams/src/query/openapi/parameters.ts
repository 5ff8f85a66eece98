import { MAX_PAGE_LIMIT } from '../scan/store-scans.js';
import { keyTextSchema, type Schema } from './schema.js';
import type { StoreDefinition } from '../../topology/store-definition.js';

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path' | 'header';
  readonly required?: boolean;
  readonly description: string;
  readonly schema: Schema;
  readonly explode?: boolean;
}

const CONDITION: Schema = { type: 'string', pattern: '^[^=!<>]+(!=|>=|<=|=|>|<).*$', maxLength: 1024 };
/** Milliseconds, or a number with a unit. At most a day, which a pattern cannot say. */
const STALENESS = '^(\\d+|\\d+(\\.\\d+)?(ms|s|m|h|d))$';
const NAMES: Schema = { type: 'string', pattern: '^[^,]+(,[^,]+)*$' };
const POSITION: Schema = {
  type: 'string',
  pattern: '^[\\w.-]+[:@]\\d{1,9}:\\d{1,15}(,[\\w.-]+[:@]\\d{1,9}:\\d{1,15})*$',
};

/** Every query parameter by its name; keys are those of the store. */
function described(definition: StoreDefinition): Readonly<Record<string, Omit<Parameter, 'name' | 'in'>>> {
  const key = keyTextSchema(definition.key);
  return {
    key: { description: 'Only the partition of this key.', schema: key },
    from: { description: 'The least key, included. A range of numbers must not cross zero.', schema: key },
    to: { description: 'The greatest key, included.', schema: key },
    prefix: { description: 'What keys begin with.', schema: { type: 'string' } },
    where: {
      description: 'Conditions on the value, such as `balance>=100`; all have to be met.',
      schema: { type: 'array', items: CONDITION, maxItems: 16 },
      explode: true,
    },
    partial: {
      description: 'Answer what can be read, and name the rest.',
      schema: { type: 'string', enum: ['allow'] },
    },
    order: { description: 'Of the keys.', schema: { type: 'string', enum: ['asc', 'desc'], default: 'asc' } },
    limit: {
      description: `Entries of a page; ${MAX_PAGE_LIMIT} are answered at most.`,
      schema: { type: 'integer', minimum: 1, default: 50 },
    },
    cursor: { description: '`next` of the page before.', schema: { type: 'string' } },
    fields: { description: 'Members of the values that are wanted, with commas between.', schema: NAMES },
    position: { description: 'The answer shows at least this: what `Streams-Position` held.', schema: POSITION },
    staleness: {
      description: 'Copies that are no older may answer.',
      schema: { type: 'string', pattern: STALENESS, examples: ['5s'] },
    },
    isolation: {
      description: 'Whether what is not committed counts too.',
      schema: { type: 'string', enum: ['committed', 'uncommitted'], default: 'committed' },
    },
    approximate: {
      description: 'Whether an estimate of the whole store is enough; not together with a range or conditions.',
      schema: { type: 'string', enum: ['true', 'false'], default: 'false' },
    },
    snapshot: {
      description: 'Whether all entries come first.',
      schema: { type: 'string', enum: ['true', 'false'], default: 'true' },
    },
  };
}

export function queryParameters(definition: StoreDefinition, names: readonly string[]): Parameter[] {
  const known = described(definition);
  return names.map((name) => ({ name, in: 'query', ...known[name] }));
}

export function keyParameter(definition: StoreDefinition): Parameter {
  return {
    name: 'key',
    in: 'path',
    required: true,
    description: 'Percent-encoded, slashes too.',
    schema: { ...keyTextSchema(definition.key), minLength: 1 },
  };
}

/** Of requests that read entries, beside their query parameters. */
export function freshnessHeaders({ name }: StoreDefinition): Parameter[] {
  return [
    {
      name: 'Prefer',
      in: 'header',
      description: 'How long to wait for a position, and for partitions that move or restore, in seconds.',
      schema: { type: 'string', examples: ['wait=5'] },
    },
    {
      name: 'Streams-Min-Position',
      in: 'header',
      description: 'As `position`; both together count.',
      schema: { ...POSITION, examples: [`${name}:0:0`] },
    },
  ];
}

export const IF_NONE_MATCH: Parameter = {
  name: 'If-None-Match',
  in: 'header',
  description: 'An `ETag` of before: if it still holds, the answer is a 304.',
  schema: { type: 'string', examples: ['"none"'] },
};

export const LAST_EVENT_ID: Parameter = {
  name: 'Last-Event-ID',
  in: 'header',
  description: 'The `id` of an event, to go on behind it.',
  schema: { type: 'string', pattern: '^[0-9a-z]{1,9}-[0-9a-z.]*$' },
};
