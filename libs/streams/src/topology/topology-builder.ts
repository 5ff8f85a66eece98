import { TopologyError } from '../errors/topology-error.js';
import { serdeOfStore } from '../serdes/serde-of-store.js';
import { splitIntoSubTopologies } from './build/sub-topologies.js';
import { topologyProblems } from './build/topology-problems.js';
import { describeMermaid } from './describe/mermaid.js';
import { describeText } from './describe/text.js';
import { fingerprintOf, topologyShape } from './describe/topology-shape.js';
import type { StoreDefinition } from './store-definition.js';
import type { ProcessorNode, SinkNode, SourceNode, SubTopology, Topology, TopologyNode } from './topology.js';

/** Collects nodes and stores in any order; `build` checks them all at once. */
export class TopologyBuilder {
  private readonly nodes: TopologyNode[] = [];
  private readonly stores: StoreDefinition[] = [];

  addSource(source: Omit<SourceNode, 'kind'>): this {
    this.nodes.push(Object.freeze({ ...source, kind: 'source' }));
    return this;
  }

  addProcessor(processor: Omit<ProcessorNode, 'kind'>): this {
    this.nodes.push(Object.freeze({ ...processor, kind: 'processor' }));
    return this;
  }

  addSink(sink: Omit<SinkNode, 'kind'>): this {
    this.nodes.push(Object.freeze({ ...sink, kind: 'sink' }));
    return this;
  }

  /** A processor is connected by naming the store in its `stores`. */
  addStore(store: StoreDefinition): this {
    const { name, key, value } = store;
    this.stores.push({ ...store, key: serdeOfStore(key, name, 'key'), value: serdeOfStore(value, name, 'value') });
    return this;
  }

  /** @throws TopologyError listing every problem. */
  build(options: { readonly applicationId: string }): Topology {
    const problems = topologyProblems(options.applicationId, this.nodes, this.stores);
    if (problems.length > 0) throw new TopologyError(problems);
    return new BuiltTopology([...this.nodes], [...this.stores]);
  }
}

/** Returns the topology of an application that reads nothing. */
export function emptyTopology(): Topology {
  return new BuiltTopology([], []);
}

class BuiltTopology implements Topology {
  readonly subTopologies: readonly SubTopology[];
  readonly sourceTopics: readonly string[];
  readonly sinkTopics: readonly string[];
  private readonly children = new Map<string, (ProcessorNode | SinkNode)[]>();

  constructor(
    nodes: readonly TopologyNode[],
    readonly stores: readonly StoreDefinition[],
  ) {
    this.subTopologies = Object.freeze(splitIntoSubTopologies(nodes, stores));
    this.sourceTopics = topicsOf(nodes, 'source');
    this.sinkTopics = topicsOf(nodes, 'sink');
    for (const node of nodes) {
      if (node.kind === 'source') continue;
      for (const parent of new Set(node.parents)) {
        const siblings = this.children.get(parent);
        if (siblings) siblings.push(node);
        else this.children.set(parent, [node]);
      }
    }
  }

  childrenOf(name: string): readonly (ProcessorNode | SinkNode)[] {
    return this.children.get(name) ?? [];
  }

  describe(): string {
    return describeText(this);
  }

  describeMermaid(): string {
    return describeMermaid(this);
  }

  fingerprint(): string {
    return fingerprintOf(topologyShape(this));
  }
}

function topicsOf(nodes: readonly TopologyNode[], kind: 'source' | 'sink'): readonly string[] {
  const topics = nodes.flatMap((node) => (node.kind !== 'processor' && node.kind === kind ? [node.topic] : []));
  return Object.freeze([...new Set(topics)].sort());
}
