import { QueryError } from '../problem/query-error.js';

/** `path<op>literal`: members of the value by their names with dots between; the literal is JSON, or else text. */
const CONDITION = /^([^=!<>]+?)\s*(!=|>=|<=|=|>|<)\s*(.*)$/s;
const MAX_CONDITIONS = 16;
const MAX_LENGTH = 1024;

type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=';

interface Condition {
  readonly path: readonly string[];
  readonly operator: Operator;
  readonly literal: unknown;
  /** Of a whole number, since a JSON parser is exact up to 2^53 only. */
  readonly integer: bigint | undefined;
}

/** Decides which values a scan answers: those that meet every condition. A member that is not there meets only `!=`. */
export class ValueFilter {
  private readonly conditions: readonly Condition[];

  /** @throws QueryError `invalid-parameter` */
  constructor(where: readonly string[]) {
    if (where.length > MAX_CONDITIONS) throw invalid(`may stand ${MAX_CONDITIONS} times at most`);
    this.conditions = where.map(parse);
  }

  matches(value: unknown): boolean {
    return this.conditions.every((condition) => compare(member(value, condition.path), condition));
  }
}

function parse(text: string): Condition {
  const match = text.length > MAX_LENGTH ? null : CONDITION.exec(text);
  if (!match) throw invalid('is a condition like "balance>=100", with one of = != > >= < <=');
  const [, path, operator, literal] = match;
  const parsed = literalOf(literal);
  return {
    path: path.trim().split('.'),
    operator: operator as Operator,
    literal: parsed,
    integer: integerOf(literal, parsed),
  };
}

function integerOf(text: string, parsed: unknown): bigint | undefined {
  if (/^-?\d+$/.test(text)) return BigInt(text);
  return Number.isSafeInteger(parsed) ? BigInt(parsed as number) : undefined;
}

function literalOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function member(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

function compare(value: unknown, { operator, literal, integer }: Condition): boolean {
  // JSON has no bigint: a number of the condition stands for one.
  if (typeof value === 'bigint' && typeof literal === 'number') {
    if (operator === '=') return value === integer;
    if (operator === '!=') return value !== integer;
    return isInOrder(value, operator, integer ?? literal);
  }
  if (operator === '=') return value === literal;
  if (operator === '!=') return value !== literal;
  if (typeof value === 'number' && typeof literal === 'number') return isInOrder(value, operator, literal);
  return typeof value === 'string' && typeof literal === 'string' && isInOrder(value, operator, literal);
}

function isInOrder<T extends string | number | bigint>(a: T, operator: Operator, b: T | number): boolean {
  if (operator === '>') return a > b;
  if (operator === '>=') return a >= b;
  return operator === '<' ? a < b : a <= b;
}

function invalid(fault: string): QueryError {
  return new QueryError('invalid-parameter', `The query parameter "where" ${fault}.`, {
    members: { parameter: 'where' },
  });
}
