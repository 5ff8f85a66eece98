import { CoPartitioningError } from '../errors/co-partitioning-error.js';
import { MissingTopicError } from '../errors/missing-topic-error.js';
import type { SubTopology, Topology } from './topology.js';

/**
 * The number of tasks of each sub-topology by its id: the partition count that its source topics share.
 *
 * @throws MissingTopicError listing the source topics that `partitionCounts` lacks.
 * @throws CoPartitioningError if topics of one sub-topology differ: a key would then live in different partitions of each.
 */
export function checkCoPartitioning(
  topology: Topology,
  partitionCounts: ReadonlyMap<string, number>,
): Map<number, number> {
  const missing = topology.sourceTopics.filter((topic) => !partitionCounts.get(topic));
  if (missing.length > 0) throw new MissingTopicError(missing);

  const taskCounts = new Map<number, number>();
  const messages: string[] = [];
  const involved: Record<string, number> = {};
  for (const sub of topology.subTopologies) {
    const counts = topicsOf(sub).map((topic) => [topic, partitionCounts.get(topic) ?? 0] as const);
    const [first] = counts;
    if (!first) continue;
    const other = counts.find(([, count]) => count !== first[1]);
    if (!other) {
      taskCounts.set(sub.id, first[1]);
      continue;
    }
    for (const [topic, count] of counts) involved[topic] = count;
    messages.push(mismatch(sub, first, other));
  }
  if (messages.length > 0) throw new CoPartitioningError(messages.join('\n'), involved);
  return taskCounts;
}

function topicsOf(sub: SubTopology): string[] {
  return [...new Set(sub.sources.map((source) => source.topic))].sort();
}

function mismatch(sub: SubTopology, a: readonly [string, number], b: readonly [string, number]): string {
  const stores = sub.stores.map((store) => `"${store.name}"`).join(', ');
  const [smaller, larger] = a[1] < b[1] ? [a, b] : [b, a];
  return (
    `"${a[0]}" has ${partitions(a[1])} and "${b[0]}" has ${b[1]}, but both feed ${stores ? `the store ${stores}` : 'the same processors'}, ` +
    `so equal keys must meet in equal partition numbers. Give both ${larger[1]} partitions before any data is written ` +
    `(kafka-topics.sh --bootstrap-server <brokers> --alter --topic ${smaller[0]} --partitions ${larger[1]}; keys written earlier stay where they are), ` +
    `or copy one to a new topic with as many partitions as the other.`
  );
}

function partitions(count: number): string {
  return count === 1 ? '1 partition' : `${count} partitions`;
}
