import type { ModulesContainer } from '@nestjs/core';
import {
  optionProblems,
  SEND_TO_OPTIONS,
  STREAM_HANDLER_OPTIONS,
  STREAM_PROCESSOR_OPTIONS,
} from '../../config/decorator-option-tables.js';
import type { StateStoreClass } from '../../decorators/state-store.decorator.js';
import type { SendToOptions, StartAt } from '../../decorators/stream-handler.decorator.js';
import { streamProcessorOptionsOf } from '../../decorators/stream-processor.decorator.js';
import { resolvePartitioner } from '../../log/named-partitioners.js';
import { ConfigurationError } from '../../errors/configuration-error.js';
import type { ProviderLookup } from '../../decorators/topic-name.js';
import { resolveSerde } from '../../serdes/resolve-serde.js';
import type { Serde } from '../../serdes/serde.js';
import { json } from '../../serdes/text-serdes.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { emptyTopology, TopologyBuilder } from '../../topology/topology-builder.js';
import type { Prefetch, SinkNode, SourceNode, Topology } from '../../topology/topology.js';
import type { ProcessorSuppliers } from '../handlers/processor-suppliers.js';
import { handlerMethods, methodProblems, type HandlerMethod } from './handler-methods.js';
import type { ProblemList } from './problem-list.js';
import { readProviderGraph, type ProcessorProvider, type ProviderGraph } from './provider-graph.js';
import { storeDefinitions } from './store-definitions.js';
import { sinkTopic, sourceTopics } from './topic-names.js';

export interface ExploreOptions {
  readonly applicationId: string;
  readonly defaultEngine: string;
  readonly engines: readonly string[];
  /** For topics that functions name. */
  readonly lookup: ProviderLookup;
}

export interface ExploredTopology {
  readonly topology: Topology;
  /** Classes of its processors and stores. */
  readonly classes: ReadonlySet<unknown>;
}

/** Turns decorated classes into a topology; every misuse goes to `problems`, and the answer is then undefined. */
export function exploreTopology(
  modules: ModulesContainer,
  suppliers: ProcessorSuppliers,
  options: ExploreOptions,
  problems: ProblemList,
): ExploredTopology | undefined {
  const graph = readProviderGraph(modules);
  for (const { where, store } of graph.misplaced)
    problems.add(
      `${where} injects the store ${store.name}, but has no task: stores live in stream processors. Inject it with @InjectReadOnlyStore(${store.name}) instead.`,
    );
  for (const name of graph.unmarked)
    problems.add(
      `${name} has @StreamHandler methods, but nothing would call them: mark the class with @StreamProcessor().`,
    );
  const definitions = storeDefinitions(graph.stores, options.defaultEngine, options.engines, problems);
  const builder = new TopologyBuilder();
  for (const definition of definitions.values()) builder.addStore(definition);
  const sources = new Sources(builder);
  const { lookup } = options;
  for (const provider of graph.processors)
    addProcessor(provider, { definitions, sources, builder, suppliers, lookup, problems });
  const topology = isEmpty(graph)
    ? emptyTopology()
    : problems.attempt('topology', () => builder.build({ applicationId: options.applicationId }));
  if (topology === undefined) return undefined;
  return { topology, classes: new Set([...graph.processors.map(({ type }) => type), ...graph.stores]) };
}

/** Returns whether the application has processors or stores, and so takes part in a group. */
export function hasTopology(modules: ModulesContainer): boolean {
  return !isEmpty(readProviderGraph(modules));
}

function isEmpty({ processors, stores }: ProviderGraph): boolean {
  return processors.length === 0 && stores.length === 0;
}

interface Exploration {
  readonly definitions: ReadonlyMap<StateStoreClass, StoreDefinition>;
  readonly sources: Sources;
  readonly builder: TopologyBuilder;
  readonly suppliers: ProcessorSuppliers;
  readonly lookup: ProviderLookup;
  readonly problems: ProblemList;
}

function addProcessor(provider: ProcessorProvider, exploration: Exploration): void {
  const { definitions, problems } = exploration;
  const processorOptions = streamProcessorOptionsOf(provider.type);
  const prefix = processorOptions?.name ?? provider.type.name;
  problems.add(...optionProblems(`@StreamProcessor ${provider.type.name}`, processorOptions, STREAM_PROCESSOR_OPTIONS));
  const methods = handlerMethods(provider.type);
  if (methods.length === 0)
    problems.add(`@StreamProcessor ${prefix} has no @StreamHandler method: it would never see a record.`);
  problems.add(...methodProblems(provider.type, prefix));
  const stores = provider.stores.flatMap((store) => definitions.get(store)?.name ?? []);
  for (const method of methods) addHandler(`${prefix}.${method.name}`, method, provider, stores, exploration);
}

function addHandler(
  name: string,
  method: HandlerMethod,
  provider: ProcessorProvider,
  stores: readonly string[],
  { definitions, sources, builder, suppliers, lookup, problems }: Exploration,
): void {
  const { topics: named, options } = method.handler;
  const label = `@StreamHandler of ${name}`;
  const handlerProblems = optionProblems(label, options, STREAM_HANDLER_OPTIONS);
  const sinkProblems = method.sendTo.flatMap((sink) =>
    optionProblems(`@SendTo of ${name}`, sink.options, SEND_TO_OPTIONS),
  );
  problems.add(...handlerProblems, ...sinkProblems);
  if (handlerProblems.length + sinkProblems.length > 0) return;
  const topics = sourceTopics(label, named, lookup, problems);
  const key = problems.attempt(`${label}, key`, () => resolveSerde(options.key ?? 'string')) as Serde<unknown>;
  const value = problems.attempt(`${label}, value`, () => resolveSerde(options.value ?? 'json')) as Serde<unknown>;
  if (topics.length === 0 || key === undefined || value === undefined) return;
  const parents = topics.map((topic) => sources.add({ topic, key, value, startAt: options.startAt }, name, problems));
  builder.addProcessor({
    name,
    parents,
    stores,
    prefetch: prefetchOf(method, provider, definitions, key),
    supplier: suppliers.supplierFor(provider, method),
  });
  for (const { topic, options: sink } of method.sendTo) {
    const target = sinkTopic(`@SendTo of ${name}`, topic, lookup, problems);
    const sinkKey =
      sink.key === undefined ? key : problems.attempt(`@SendTo of ${name}, key`, () => resolveSerde(sink.key!));
    const sinkValue =
      sink.value === undefined
        ? json()
        : problems.attempt(`@SendTo of ${name}, value`, () => resolveSerde(sink.value!));
    const partitioning = problems.attempt(`@SendTo of ${name}, partitioner`, () =>
      sinkPartitioning(name, sink.partitioner),
    );
    if (target === undefined || sinkKey === undefined || sinkValue === undefined || partitioning === undefined)
      continue;
    builder.addSink({
      name: `${name} -> ${target}`,
      parents: [name],
      topic: target,
      key: sinkKey as Serde<unknown>,
      value: sinkValue as Serde<unknown>,
      ...(sink.positionHeader === true ? { hasPositionHeader: true } : {}),
      ...partitioning,
    });
  }
}

/** @throws ConfigurationError that names the handler, for an unknown name of a partitioner */
function sinkPartitioning(
  handler: string,
  partitioner: SendToOptions['partitioner'],
): Pick<SinkNode, 'partitioner' | 'keyPartitioner'> {
  if (partitioner === undefined) return {};
  if (typeof partitioner === 'function') return { partitioner };
  try {
    return { keyPartitioner: resolvePartitioner(partitioner) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(error.problems.map((problem) => `@SendTo of ${handler}, partitioner: ${problem}`));
  }
}

function prefetchOf(
  { handler: { options } }: HandlerMethod,
  provider: ProcessorProvider,
  definitions: ReadonlyMap<StateStoreClass, StoreDefinition>,
  key: Serde<unknown>,
): Prefetch[] {
  if (options.prefetch === false) return [];
  const stores = (options.prefetchFrom ?? provider.stores).flatMap((store) => definitions.get(store) ?? []);
  const choose = options.prefetch as Prefetch['key'];
  if (choose !== undefined) return stores.map((store) => ({ store: store.name, key: choose }));
  return stores.filter((store) => store.key.name === key.name).map((store) => ({ store: store.name }));
}

interface HandledTopic {
  readonly topic: string;
  readonly key: Serde<unknown>;
  readonly value: Serde<unknown>;
  readonly startAt: StartAt | undefined;
}

/** One source node per topic and pair of serdes; the builder refuses a second pair. */
class Sources {
  private readonly byTopic = new Map<string, Omit<SourceNode, 'kind'>[]>();
  private readonly starts = new Map<string, { readonly startAt: StartAt; readonly handler: string }>();

  constructor(private readonly builder: TopologyBuilder) {}

  /** @returns the name of the source. */
  add({ topic, key, value, startAt = 'earliest' }: HandledTopic, handler: string, problems: ProblemList): string {
    const first = this.starts.get(topic);
    if (first === undefined) this.starts.set(topic, { startAt, handler });
    else if (first.startAt !== startAt)
      problems.add(
        `${first.handler} and ${handler} read "${topic}" from different places (startAt '${first.startAt}' and '${startAt}'), but share its offset: give both the same "startAt".`,
      );
    const known = this.byTopic.get(topic) ?? [];
    const same = known.find((source) => source.key.name === key.name && source.value.name === value.name);
    if (same !== undefined) return same.name;
    const name = known.length === 0 ? topic : `${topic} (${known.length + 1})`;
    const source = { name, topic, key, value, ...(startAt === 'latest' ? { startAt } : {}) };
    this.byTopic.set(topic, [...known, source]);
    this.builder.addSource(source);
    return name;
  }
}
