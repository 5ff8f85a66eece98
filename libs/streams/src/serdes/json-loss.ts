/** Where a value is, as a path from its root `$`, and what happens to it there. */
export interface JsonLoss {
  readonly path: string;
  readonly reason: string;
}

interface Found {
  /** Innermost first. */
  readonly steps: string[];
  readonly reason: string;
}

/** Returns the first place of `value` that JSON has no form for, or gives back as something else; undefined if there is none. */
export function jsonLoss(value: unknown): JsonLoss | undefined {
  const found = lossOf(value, 'value', new Set());
  return found && { path: `$${found.steps.reverse().join('')}`, reason: found.reason };
}

function lossOf(value: unknown, place: 'value' | 'member' | 'element', ancestors: Set<object>): Found | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return numberLoss(value);
    case 'object':
      return value === null ? undefined : objectLoss(value, ancestors);
    case 'bigint':
      return found('a bigint has no JSON');
    default: {
      const kind = value === undefined ? 'undefined' : `a ${typeof value}`;
      if (place === 'value') return found(`${kind} has no JSON`);
      return found(place === 'member' ? `${kind} would be left out` : `${kind} would come back as null`);
    }
  }
}

function numberLoss(value: number): Found | undefined {
  if (!Number.isFinite(value)) return found(`${value} would come back as null`);
  return Object.is(value, -0) ? found('-0 would come back as 0') : undefined;
}

function objectLoss(value: object, ancestors: Set<object>): Found | undefined {
  const kind = kindLoss(value);
  if (kind !== undefined) return found(kind);
  if (ancestors.has(value)) return found('an object that contains itself has no JSON');
  ancestors.add(value);
  const loss = Array.isArray(value) ? arrayLoss(value, ancestors) : memberLoss(value, ancestors);
  ancestors.delete(value);
  return loss;
}

/** Only plain objects and arrays come back as what they are. */
function kindLoss(value: object): string | undefined {
  const name = nameOf(value);
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
    return `${name} would come back as what its toJSON returns${value instanceof Date ? ', a string' : ''}`;
  if (!isPlain(value)) return `${name} would come back as a plain object`;
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol))
    ? 'a member with a symbol for its name would be left out'
    : undefined;
}

function arrayLoss(array: readonly unknown[], ancestors: Set<object>): Found | undefined {
  for (let i = 0; i < array.length; i++) {
    const loss = i in array ? lossOf(array[i], 'element', ancestors) : found('a hole would come back as null');
    if (loss !== undefined) return within(`[${i}]`, loss);
  }
  return Object.keys(array).length > array.length
    ? found('what an array has beside its elements is left out')
    : undefined;
}

function memberLoss(value: object, ancestors: Set<object>): Found | undefined {
  for (const name of Object.keys(value)) {
    const loss = lossOf((value as Record<string, unknown>)[name], 'member', ancestors);
    if (loss !== undefined)
      return within(/^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`, loss);
  }
  return undefined;
}

/** Whether a value is an object or array of no class, also of another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  const parent: unknown = Object.getPrototypeOf(prototype);
  if (!Array.isArray(value)) return parent === null && Object.prototype.toString.call(value) === '[object Object]';
  return parent !== null && Object.getPrototypeOf(parent) === null;
}

function nameOf(value: object): string {
  const type: unknown = value.constructor;
  if (typeof type !== 'function' || type.name === '') return 'an object of a class';
  if (type.name === 'Object') return 'an object';
  return `${/^[AEIO]/.test(type.name) ? 'an' : 'a'} ${type.name}`;
}

function within(step: string, { steps, reason }: Found): Found {
  steps.push(step);
  return { steps, reason };
}

function found(reason: string): Found {
  return { steps: [], reason };
}
