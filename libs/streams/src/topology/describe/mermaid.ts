import type { Topology } from '../topology.js';

/** A Mermaid flow chart: topics, processors and stores, a box for each sub-topology. */
export function describeMermaid(topology: Topology): string {
  const ids = new Map<string, string>();
  const id = (kind: string, name: string): string => {
    const key = `${kind}:${name}`;
    const known = ids.get(key);
    if (known) return known;
    const fresh = `${kind}${ids.size}`;
    ids.set(key, fresh);
    return fresh;
  };
  const lines = ['flowchart LR'];
  const topic = (name: string): string => {
    const isNew = !ids.has(`topic:${name}`);
    const topicId = id('topic', name);
    if (isNew) lines.push(`  ${topicId}[(${quoted(name)})]`);
    return topicId;
  };
  const links: string[] = [];
  for (const sub of topology.subTopologies) {
    const inside = [
      ...sub.processors.map((node) => `    ${id('processor', node.name)}[${quoted(node.name)}]`),
      ...sub.stores.map((store) => `    ${id('store', store.name)}[(${quoted(store.name)})]`),
    ];
    const origin = new Map(sub.sources.map((source) => [source.name, topic(source.topic)]));
    const from = (name: string): string => origin.get(name) ?? id('processor', name);
    for (const node of sub.processors) {
      for (const parent of node.parents) links.push(`  ${from(parent)} --> ${id('processor', node.name)}`);
      for (const store of node.stores) links.push(`  ${id('processor', node.name)} <--> ${id('store', store)}`);
    }
    for (const sink of sub.sinks) {
      for (const parent of sink.parents) links.push(`  ${from(parent)} --> ${topic(sink.topic)}`);
    }
    lines.push(`  subgraph sub${sub.id}["Sub-topology ${sub.id}"]`, ...inside, '  end');
  }
  return `${[...lines, ...new Set(links)].join('\n')}\n`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '#quot;')}"`;
}
