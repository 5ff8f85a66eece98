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
    return this.conditions.every(({ path, operator, literal }) => compare(member(value, path), operator, literal));
  }
}

function parse(text: string): Condition {
  const match = text.length > MAX_LENGTH ? null : CONDITION.exec(text);
  if (!match) throw invalid('is a condition like "balance>=100", with one of = != > >= < <=');
  const [, path, operator, literal] = match;
  return { path: path.trim().split('.'), operator: operator as Operator, literal: literalOf(literal) };
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

function compare(value: unknown, operator: Operator, literal: unknown): boolean {
  // JSON has no bigint: a number of the condition stands for one.
  const known = typeof value === 'bigint' && typeof literal === 'number' ? Number(value) : value;
  if (operator === '=') return known === literal;
  if (operator === '!=') return known !== literal;
  if (typeof known !== typeof literal || (typeof known !== 'number' && typeof known !== 'string')) return false;
  const [a, b] = [known, literal as typeof known];
  if (operator === '>') return a > b;
  if (operator === '>=') return a >= b;
  return operator === '<' ? a < b : a <= b;
}

function invalid(fault: string): QueryError {
  return new QueryError('invalid-parameter', `The query parameter "where" ${fault}.`, {
    members: { parameter: 'where' },
  });
}
