import { changelogName, isInternalTopic, storeNameProblem, topicNameProblem } from '../internal-topics.js';
import type { StoreDefinition } from '../store-definition.js';
import type { ProcessorNode, SourceNode, TopologyNode } from '../topology.js';

/** Everything that keeps these nodes and stores from running, one sentence each. */
export function topologyProblems(
  applicationId: string,
  nodes: readonly TopologyNode[],
  stores: readonly StoreDefinition[],
): string[] {
  const isLegalId = topicNameProblem(applicationId) === undefined;
  return [
    ...(isLegalId ? [] : [`The application id "${applicationId}" is not legal: ${topicNameProblem(applicationId)}.`]),
    ...(nodes.some((node) => node.kind === 'source')
      ? []
      : ['There is no source: add a handler, so that there is something to read.']),
    ...duplicateNames(nodes, stores),
    ...nodes.flatMap((node) => linkProblems(node, nodes)),
    ...cycles(nodes),
    ...nodes.flatMap((node) => topicProblems(applicationId, node)),
    ...sharedTopicProblems(nodes.filter((node) => node.kind === 'source')),
    ...storeProblems(
      applicationId,
      stores,
      nodes.filter((node) => node.kind === 'processor'),
    ),
  ];
}

function duplicateNames(nodes: readonly TopologyNode[], stores: readonly StoreDefinition[]): string[] {
  return [
    ...repeated(nodes.map((node) => node.name)).map((name) => `Two nodes are named "${name}": names must be unique.`),
    ...repeated(stores.map((store) => store.name)).map(
      (name) => `Two stores are named "${name}": they would share a changelog. Rename one.`,
    ),
    ...(nodes.some((node) => node.name === '') ? ['A node has no name.'] : []),
  ];
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function linkProblems(node: TopologyNode, nodes: readonly TopologyNode[]): string[] {
  if (node.kind === 'source') return [];
  const label = `${node.kind === 'sink' ? 'Sink' : 'Processor'} "${node.name}"`;
  if (node.parents.length === 0) return [`${label} has no parent, so no record would ever reach it.`];
  return node.parents.flatMap((name) => {
    const parent = nodes.find((candidate) => candidate.name === name);
    if (!parent) return [`${label} names the parent "${name}", which does not exist.`];
    if (parent.kind === 'sink') {
      return [`${label} names the sink "${name}" as its parent, but a sink forwards nothing: read its topic instead.`];
    }
    return [];
  });
}

function cycles(nodes: readonly TopologyNode[]): string[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const finished = new Set<string>();
  const found: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    const start = path.indexOf(name);
    if (start >= 0) {
      const circle = [...path.slice(start), name].reverse().map((step) => `"${step}"`);
      found.push(`Processors forward in a circle: ${circle.join(' -> ')}.`);
      return;
    }
    const node = byName.get(name);
    if (finished.has(name) || !node || node.kind === 'source') return;
    for (const parent of node.parents) visit(parent, [...path, name]);
    finished.add(name);
  };
  for (const node of nodes) visit(node.name, []);
  return found;
}

function topicProblems(applicationId: string, node: TopologyNode): string[] {
  if (node.kind === 'processor') return [];
  const label = `${node.kind === 'sink' ? 'Sink' : 'Source'} "${node.name}"`;
  const illegal = topicNameProblem(node.topic);
  if (illegal) return [`${label} names the topic "${node.topic}", which is not legal: ${illegal}.`];
  if (node.kind === 'sink' && isInternalTopic(applicationId, node.topic)) {
    return [`${label} writes to "${node.topic}", an internal topic of this application: choose another name.`];
  }
  return [];
}

function sharedTopicProblems(sources: readonly SourceNode[]): string[] {
  const problems: string[] = [];
  const first = new Map<string, SourceNode>();
  for (const source of sources) {
    const other = first.get(source.topic);
    if (!other) {
      first.set(source.topic, source);
    } else if (other.key.name !== source.key.name || other.value.name !== source.value.name) {
      problems.push(
        `Sources "${other.name}" and "${source.name}" read "${source.topic}" with different serdes ` +
          `(${other.key.name}/${other.value.name} and ${source.key.name}/${source.value.name}): a topic is decoded in one way.`,
      );
    }
  }
  return problems;
}

function storeProblems(
  applicationId: string,
  stores: readonly StoreDefinition[],
  processors: readonly ProcessorNode[],
): string[] {
  const known = new Set(stores.map((store) => store.name));
  const connected = new Set(processors.flatMap((processor) => processor.stores));
  return [
    ...stores.flatMap((store) => {
      const illegal = storeNameProblem(store.name) ?? topicNameProblem(changelogName(applicationId, store.name));
      if (illegal && topicNameProblem(applicationId) === undefined) {
        return [`The store name "${store.name}" does not make a legal topic name: ${illegal}.`];
      }
      return [];
    }),
    ...[...known]
      .filter((name) => !connected.has(name))
      .map((name) => `Store "${name}" is not connected: no processor uses it. Inject it into one, or remove it.`),
    ...processors.flatMap((processor) => [
      ...processor.stores
        .filter((name) => !known.has(name))
        .map((name) => `Processor "${processor.name}" uses the store "${name}", which was not added.`),
      ...processor.prefetch
        .filter(({ store }) => !processor.stores.includes(store))
        .map(({ store }) => `Processor "${processor.name}" prefetches from "${store}", which it does not use.`),
    ]),
  ];
}
