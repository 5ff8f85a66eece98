import type { StoreDefinition } from '../store-definition.js';
import type { ProcessorNode, SinkNode, SourceNode, SubTopology, TopologyNode } from '../topology.js';

/**
 * Splits nodes into connected components over parents, shared stores and shared source topics (a partition has one reader in a group).
 *
 * Numbers come from the smallest source topic of each component, so the order of declaration, which follows the order in which Nest
 * happens to load modules, changes no task id. Expects valid nodes.
 */
export function splitIntoSubTopologies(
  nodes: readonly TopologyNode[],
  stores: readonly StoreDefinition[],
): SubTopology[] {
  const groups = new DisjointSets();
  for (const node of nodes) {
    const self = `node:${node.name}`;
    groups.add(self);
    if (node.kind === 'source') groups.join(self, `topic:${node.topic}`);
    else for (const parent of node.parents) groups.join(self, `node:${parent}`);
    if (node.kind === 'processor') for (const store of node.stores) groups.join(self, `store:${store}`);
  }

  const components = new Map<string, Component>();
  for (const node of parentsFirst(nodes)) {
    const root = groups.find(`node:${node.name}`);
    let component = components.get(root);
    if (!component) components.set(root, (component = { sources: [], processors: [], sinks: [], stores: [] }));
    if (node.kind === 'source') component.sources.push(node);
    else if (node.kind === 'processor') component.processors.push(node);
    else component.sinks.push(node);
  }
  for (const store of stores) components.get(groups.find(`store:${store.name}`))?.stores.push(store);

  return [...components.values()]
    .map((component) => ({ component, key: component.sources.map((source) => source.topic).sort()[0] ?? '' }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ component }, id) => Object.freeze({ id, ...component }));
}

interface Component {
  readonly sources: SourceNode[];
  readonly processors: ProcessorNode[];
  readonly sinks: SinkNode[];
  readonly stores: StoreDefinition[];
}

function parentsFirst(nodes: readonly TopologyNode[]): TopologyNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const ordered = new Set<TopologyNode>();
  const visit = (node: TopologyNode): void => {
    if (ordered.has(node)) return;
    if (node.kind !== 'source') {
      for (const parent of node.parents) {
        const found = byName.get(parent);
        if (found) visit(found);
      }
    }
    ordered.add(node);
  };
  for (const node of nodes) visit(node);
  return [...ordered];
}

class DisjointSets {
  private readonly parents = new Map<string, string>();

  add(item: string): void {
    if (!this.parents.has(item)) this.parents.set(item, item);
  }

  join(a: string, b: string): void {
    this.add(a);
    this.add(b);
    this.parents.set(this.find(a), this.find(b));
  }

  find(item: string): string {
    let root = item;
    for (let next = this.parents.get(root); next !== undefined && next !== root; next = this.parents.get(root))
      root = next;
    return root;
  }
}
