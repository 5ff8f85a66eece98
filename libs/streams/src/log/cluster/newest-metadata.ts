import type { ClusterMetadata, TopicMetadata } from '../protocol/cluster-codecs.js';

/** What several brokers say, any of which may be behind: of each partition the newest leader counts. */
export function newestMetadata([first, ...others]: readonly [ClusterMetadata, ...ClusterMetadata[]]): ClusterMetadata {
  let newest = first;
  for (const other of others) {
    const brokers = new Map([...newest.brokers, ...other.brokers].map((broker) => [broker.nodeId, broker]));
    const topics = newest.topics.map((topic) =>
      newerTopic(
        topic,
        other.topics.find(({ name }) => name === topic.name),
      ),
    );
    newest = { brokers: [...brokers.values()], controller: other.controller, topics };
  }
  return newest;
}

function newerTopic(one: TopicMetadata, other: TopicMetadata | undefined): TopicMetadata {
  if (other === undefined || other.partitions.length < one.partitions.length) return one;
  if (other.partitions.length > one.partitions.length) return other;
  const byNumber = new Map(one.partitions.map((each) => [each.partition, each]));
  const partitions = other.partitions.map((each) => {
    const known = byNumber.get(each.partition);
    return known !== undefined && known.leaderEpoch > each.leaderEpoch ? known : each;
  });
  return { ...other, partitions };
}
