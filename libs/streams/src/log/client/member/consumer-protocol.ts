import type { MemberAssignment } from '../../group-member.js';
import { ProtocolReader } from '../../protocol/protocol-reader.js';
import { ProtocolWriter } from '../../protocol/protocol-writer.js';
import { readTopics, writeTopics } from '../../protocol/data-codecs.js';
import { groupByTopic } from '../by-topic.js';

/*
 * The payloads that members of a consumer group exchange through JoinGroup and SyncGroup: ConsumerProtocolSubscription and
 * ConsumerProtocolAssignment, version 0. The version says which fields follow, and these two need no later ones.
 */
const VERSION = 0;

export interface Subscription {
  readonly topics: readonly string[];
  readonly userData: Uint8Array;
}

export function encodeSubscription({ topics, userData }: Subscription): Uint8Array {
  const writer = new ProtocolWriter().int16(VERSION);
  writer.array(topics, (w, topic) => {
    w.string(topic);
  });
  return writer.bytes(userData).buffer;
}

export function decodeSubscription(bytes: Buffer): Subscription {
  const reader = new ProtocolReader(bytes);
  reader.int16();
  return { topics: reader.array((r) => r.string()), userData: reader.bytes() };
}

export function encodeAssignment({ partitions, userData }: MemberAssignment): Uint8Array {
  const writer = new ProtocolWriter().int16(VERSION);
  writeTopics(
    writer,
    groupByTopic(partitions, ({ partition }) => partition),
    (w, partition) => {
      w.int32(partition);
    },
  );
  return writer.bytes(userData).buffer;
}

/** No bytes at all mean an empty assignment: the leader left this member out. */
export function decodeAssignment(bytes: Buffer): MemberAssignment {
  if (bytes.length < 2) return { partitions: [], userData: Buffer.alloc(0) };
  const reader = new ProtocolReader(bytes);
  reader.int16();
  const topics = readTopics(reader, (r) => r.int32());
  const partitions = topics.flatMap(({ topic, partitions: numbers }) =>
    numbers.map((partition) => ({ topic, partition })),
  );
  return { partitions, userData: reader.bytes() };
}
