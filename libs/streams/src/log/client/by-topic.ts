import type { TopicPartition } from '../log.js';
import type { ByTopic, PartitionError } from '../protocol/messages.js';

/** Groups partitions by topic, in order of first appearance, as requests want them. */
export function groupByTopic<T extends TopicPartition, P>(
  items: readonly T[],
  toPartition: (item: T) => P,
): ByTopic<P>[] {
  const topics = new Map<string, P[]>();
  for (const item of items) {
    const partitions = topics.get(item.topic);
    if (partitions) partitions.push(toPartition(item));
    else topics.set(item.topic, [toPartition(item)]);
  }
  return Array.from(topics, ([topic, partitions]) => ({ topic, partitions }));
}

/** The first error of a response that carries one per partition; 0 if there is none. */
export function firstError(topics: readonly ByTopic<PartitionError>[]): number {
  for (const { partitions } of topics) for (const { error } of partitions) if (error !== 0) return error;
  return 0;
}

/** The answers of a response by `partitionKey`. */
export function byPartition<R extends { readonly partition: number }>(topics: readonly ByTopic<R>[]): Map<string, R> {
  const all = new Map<string, R>();
  for (const { topic, partitions } of topics) {
    for (const each of partitions) all.set(partitionKey(topic, each.partition), each);
  }
  return all;
}

export function partitionKey(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}
