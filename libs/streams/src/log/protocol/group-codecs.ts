import type { ApiCodec } from './api-codec.js';
import type { ByteWriter } from './byte-writer.js';
import type { MemberIdentity, RequestOf, ResponseOf } from './messages.js';

const PROTOCOL_TYPE = 'consumer';
const UNKNOWN_EPOCH = -1;

function writeMember(writer: ByteWriter, member: MemberIdentity): ByteWriter {
  return writer.string(member.groupId).int32(member.generationId).string(member.memberId).string(member.instanceId);
}

export const joinGroupCodec: ApiCodec<RequestOf<'joinGroup'>, ResponseOf<'joinGroup'>> = {
  name: 'JoinGroup',
  key: 11,
  version: 5,
  isFlexible: false,
  write(writer, request) {
    writer
      .string(request.groupId)
      .int32(request.sessionTimeoutMs)
      .int32(request.rebalanceTimeoutMs)
      .string(request.memberId)
      .string(request.instanceId)
      .string(PROTOCOL_TYPE)
      .array(request.protocols, (w, { name, metadata }) => w.string(name).bytes(metadata));
  },
  read(reader) {
    reader.int32();
    return {
      error: reader.int16(),
      generationId: reader.int32(),
      protocol: reader.nullableString(),
      leaderId: reader.string(),
      memberId: reader.string(),
      members: reader.array((r) => ({
        memberId: r.string(),
        instanceId: r.nullableString(),
        metadata: r.bytes(),
      })),
    };
  },
};

export const syncGroupCodec: ApiCodec<RequestOf<'syncGroup'>, ResponseOf<'syncGroup'>> = {
  name: 'SyncGroup',
  key: 14,
  version: 3,
  isFlexible: false,
  write(writer, request) {
    writeMember(writer, request).array(request.assignments, (w, { memberId, assignment }) =>
      w.string(memberId).bytes(assignment),
    );
  },
  read(reader) {
    reader.int32();
    return { error: reader.int16(), assignment: reader.bytes() };
  },
};

export const heartbeatCodec: ApiCodec<RequestOf<'heartbeat'>, ResponseOf<'heartbeat'>> = {
  name: 'Heartbeat',
  key: 12,
  version: 3,
  isFlexible: false,
  write(writer, request) {
    writeMember(writer, request);
  },
  read(reader) {
    reader.int32();
    return { error: reader.int16() };
  },
};

export const leaveGroupCodec: ApiCodec<RequestOf<'leaveGroup'>, ResponseOf<'leaveGroup'>> = {
  name: 'LeaveGroup',
  key: 13,
  version: 3,
  isFlexible: false,
  write(writer, request) {
    writer
      .string(request.groupId)
      .array(request.members, (w, { memberId, instanceId }) => w.string(memberId).string(instanceId));
  },
  read(reader) {
    reader.int32();
    return { error: reader.int16() };
  },
};

export const offsetCommitCodec: ApiCodec<RequestOf<'offsetCommit'>, ResponseOf<'offsetCommit'>> = {
  name: 'OffsetCommit',
  key: 8,
  version: 7,
  isFlexible: false,
  write(writer, request) {
    writeMember(writer, request).array(request.topics, (w, { topic, partitions }) =>
      w
        .string(topic)
        .array(partitions, (w, p) => w.int32(p.partition).int64(p.offset).int32(UNKNOWN_EPOCH).string(p.metadata)),
    );
  },
  read(reader) {
    reader.int32();
    return {
      topics: reader.array((r) => ({
        topic: r.string(),
        partitions: r.array((r) => ({ partition: r.int32(), error: r.int16() })),
      })),
    };
  },
};

export const offsetFetchCodec: ApiCodec<RequestOf<'offsetFetch'>, ResponseOf<'offsetFetch'>> = {
  name: 'OffsetFetch',
  key: 9,
  version: 7,
  isFlexible: true,
  write(writer, request) {
    writer
      .compactString(request.groupId)
      .compactArray(request.topics, (w, { topic, partitions }) =>
        w
          .compactString(topic)
          .compactArray(partitions, (w, partition) => w.int32(partition))
          .noTags(),
      )
      .boolean(request.requireStable)
      .noTags();
  },
  read(reader) {
    reader.int32();
    const topics = reader.compactArray((r) => {
      const topic = r.compactString();
      const partitions = r.compactArray((r) => {
        const partition = r.int32();
        const offset = r.int64();
        r.int32(); // leader epoch
        const metadata = r.nullableCompactString();
        const error = r.int16();
        r.skipTags();
        return { partition, offset, metadata, error };
      });
      r.skipTags();
      return { topic, partitions };
    });
    return { topics, error: reader.int16() };
  },
};
