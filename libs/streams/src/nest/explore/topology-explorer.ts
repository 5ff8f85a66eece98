import type { ModulesContainer } from '@nestjs/core';
import {
  optionProblems,
  SEND_TO_OPTIONS,
  STREAM_HANDLER_OPTIONS,
  STREAM_PROCESSOR_OPTIONS,
} from '../../config/decorator-option-tables.js';
import type { StateStoreClass } from '../../decorators/state-store.decorator.js';
import type { SendToOptions } from '../../decorators/stream-handler.decorator.js';
import { streamProcessorOptionsOf } from '../../decorators/stream-processor.decorator.js';
import { resolvePartitioner } from '../../log/named-partitioners.js';
import { ConfigurationError } from '../../errors/configuration-error.js';
import { resolveSerde } from '../../serdes/resolve-serde.js';
import type { Serde } from '../../serdes/serde.js';
import { json } from '../../serdes/text-serdes.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { TopologyBuilder } from '../../topology/topology-builder.js';
import type { Prefetch, SinkNode, SourceNode, Topology } from '../../topology/topology.js';
import type { ProcessorSuppliers } from '../handlers/processor-suppliers.js';
import { handlerMethods, methodProblems, type HandlerMethod } from './handler-methods.js';
import type { ProblemList } from './problem-list.js';
import { readProviderGraph, type ProcessorProvider } from './provider-graph.js';
import { storeDefinitions } from './store-definitions.js';

export interface ExploreOptions {
  readonly applicationId: string;
  readonly defaultEngine: string;
  readonly engines: readonly string[];
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
  for (const provider of graph.processors) addProcessor(provider, definitions, sources, builder, suppliers, problems);
  const topology = problems.attempt('topology', () => builder.build({ applicationId: options.applicationId }));
  if (topology === undefined) return undefined;
  return { topology, classes: new Set([...graph.processors.map(({ type }) => type), ...graph.stores]) };
}

function addProcessor(
  provider: ProcessorProvider,
  definitions: ReadonlyMap<StateStoreClass, StoreDefinition>,
  sources: Sources,
  builder: TopologyBuilder,
  suppliers: ProcessorSuppliers,
  problems: ProblemList,
): void {
  const prefix = streamProcessorOptionsOf(provider.type)?.name ?? provider.type.name;
  const processorOptions = streamProcessorOptionsOf(provider.type);
  problems.add(...optionProblems(`@StreamProcessor ${provider.type.name}`, processorOptions, STREAM_PROCESSOR_OPTIONS));
  const methods = handlerMethods(provider.type);
  if (methods.length === 0)
    problems.add(`@StreamProcessor ${prefix} has no @StreamHandler method: it would never see a record.`);
  problems.add(...methodProblems(provider.type, prefix));
  const known = provider.stores.flatMap((store) => definitions.get(store) ?? []);
  for (const method of methods) {
    const name = `${prefix}.${method.name}`;
    const { topic, options } = method.handler;
    const handlerProblems = optionProblems(`@StreamHandler of ${name}`, options, STREAM_HANDLER_OPTIONS);
    const sinkProblems = method.sendTo.flatMap((sink) =>
      optionProblems(`@SendTo of ${name}`, sink.options, SEND_TO_OPTIONS),
    );
    problems.add(...handlerProblems, ...sinkProblems);
    if (handlerProblems.length + sinkProblems.length > 0) continue;
    if (typeof topic !== 'string' || topic === '') {
      problems.add(`@StreamHandler of ${name} names no topic.`);
      continue;
    }
    const key = problems.attempt(`@StreamHandler of ${name}, key`, () => resolveSerde(options.key ?? 'string'));
    const value = problems.attempt(`@StreamHandler of ${name}, value`, () => resolveSerde(options.value ?? 'json'));
    if (key === undefined || value === undefined) continue;
    const source = sources.add(topic, key as Serde<unknown>, value as Serde<unknown>);
    builder.addProcessor({
      name,
      parents: [source.name],
      stores: known.map((store) => store.name),
      prefetch: prefetchOf(method, provider, definitions, key as Serde<unknown>),
      supplier: suppliers.supplierFor(provider, method),
    });
    for (const { topic: target, options: sink } of method.sendTo) {
      const sinkKey =
        sink.key === undefined ? key : problems.attempt(`@SendTo of ${name}, key`, () => resolveSerde(sink.key!));
      const sinkValue =
        sink.value === undefined
          ? json()
          : problems.attempt(`@SendTo of ${name}, value`, () => resolveSerde(sink.value!));
      const partitioning = problems.attempt(`@SendTo of ${name}, partitioner`, () =>
        sinkPartitioning(name, sink.partitioner),
      );
      if (sinkKey === undefined || sinkValue === undefined || partitioning === undefined) continue;
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

/** One source node per topic and pair of serdes; the builder refuses a second pair. */
class Sources {
  private readonly byTopic = new Map<string, Omit<SourceNode, 'kind'>[]>();

  constructor(private readonly builder: TopologyBuilder) {}

  add(topic: string, key: Serde<unknown>, value: Serde<unknown>): Omit<SourceNode, 'kind'> {
    const known = this.byTopic.get(topic) ?? [];
    const same = known.find((source) => source.key.name === key.name && source.value.name === value.name);
    if (same !== undefined) return same;
    const source = { name: known.length === 0 ? topic : `${topic} (${known.length + 1})`, topic, key, value };
    this.byTopic.set(topic, [...known, source]);
    this.builder.addSource(source);
    return source;
  }
}
