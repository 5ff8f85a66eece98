import type { Topology, TopologyNode } from '../topology.js';

/** The form of Kafka Streams' `TopologyDescription#toString`, to the blank, because public viewers parse it. */
export function describeText(topology: Topology): string {
  const blocks = topology.subTopologies.map((sub) => {
    const nodes: TopologyNode[] = [...sub.sources, ...sub.processors, ...sub.sinks];
    return `  Sub-topology: ${sub.id}\n${nodes.map((node) => `    ${describeNode(topology, node)}\n`).join('')}\n`;
  });
  return `Topologies:\n ${blocks.join('')}`;
}

function describeNode(topology: Topology, node: TopologyNode): string {
  const to = `\n      --> ${names(topology.childrenOf(node.name).map((child) => child.name))}`;
  switch (node.kind) {
    case 'source':
      return `Source: ${node.name} (topics: [${node.topic}])${to}`;
    case 'processor':
      return `Processor: ${node.name} (stores: [${node.stores.join(', ')}])${to}\n      <-- ${names(node.parents)}`;
    case 'sink':
      return `Sink: ${node.name} (topic: ${node.topic})\n      <-- ${names(node.parents)}`;
  }
}

function names(list: readonly string[]): string {
  return list.length === 0 ? 'none' : list.join(', ');
}
