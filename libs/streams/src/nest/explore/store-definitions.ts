import { optionProblems, STATE_STORE_OPTIONS } from '../../config/decorator-option-tables.js';
import { stateStoreOptionsOf, type StateStoreClass } from '../../decorators/state-store.decorator.js';
import { resolveSerde } from '../../serdes/resolve-serde.js';
import type { Serde } from '../../serdes/serde.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { storePartitioning } from '../../topology/store-partitioning.js';
import type { ProblemList } from './problem-list.js';

/** The definitions behind `@StateStore` classes; what is wrong with one goes to `problems`. */
export function storeDefinitions(
  classes: readonly StateStoreClass[],
  defaultEngine: string,
  engines: readonly string[],
  problems: ProblemList,
): Map<StateStoreClass, StoreDefinition> {
  const definitions = new Map<StateStoreClass, StoreDefinition>();
  for (const type of classes) {
    const options = stateStoreOptionsOf(type)!;
    const label = `@StateStore ${type.name}`;
    problems.add(...optionProblems(label, options, STATE_STORE_OPTIONS));
    if (typeof options.name !== 'string' || options.name === '') {
      problems.add(`${label} needs a name: it becomes part of the changelog topic and of URLs.`);
      continue;
    }
    if (type.length > 0)
      problems.add(
        `${label} has a constructor with parameters: stores are made without arguments. Inject into the processor instead.`,
      );
    const engine = options.engine ?? defaultEngine;
    if (!engines.includes(engine))
      problems.add(
        `${label} names the engine "${engine}", which is not registered. Use ${engines.map((name) => `"${name}"`).join(' or ')}, or pass it in "engines" of StreamsModule.forRoot.`,
      );
    const { changelog = true } = options;
    const key = problems.attempt(`${label}, key`, () => resolveSerde(options.key));
    const value = problems.attempt(`${label}, value`, () => resolveSerde(options.value));
    const partitioning = problems.attempt(label, () => storePartitioning(options, key as Serde<unknown>));
    if (key === undefined || value === undefined || partitioning === undefined) continue;
    definitions.set(type, {
      name: options.name,
      kind: 'key-value',
      key: key as Serde<unknown>,
      value: value as Serde<unknown>,
      engine,
      changelog: { isEnabled: changelog !== false, config: typeof changelog === 'object' ? changelog : {} },
      isQueryable: Boolean(options.query),
      ...partitioning,
      storeClass: type,
      restorePriority: options.restorePriority ?? 0,
    });
  }
  return definitions;
}
