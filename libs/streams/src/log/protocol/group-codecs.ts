import type { ApiCodecs } from './api-codec.js';
import { readTopics, writeTopics } from './data-codecs.js';
import type { MemberIdentity } from './messages.js';
import type { ProtocolWriter } from './protocol-writer.js';

function writeMember(writer: ProtocolWriter, member: MemberIdentity): ProtocolWriter {
  return writer.string(member.groupId).int32(member.generationId).string(member.memberId).string(member.instanceId);
}

const joinGroup: ApiCodecs['joinGroup'] = {
  name: 'JoinGroup',
  key: 11,
  version: 5,
  isFlexible: false,
  encode(writer, request) {
    writer.string(request.groupId).int32(request.sessionTimeoutMs).int32(request.rebalanceTimeoutMs);
    writer.string(request.memberId).string(request.instanceId).string('consumer');
    writer.array(request.protocols, (w, { name, metadata }) => {
      w.string(name).bytes(metadata);
    });
  },
  decode(reader) {
    reader.int32();
    return {
      error: reader.int16(),
      generationId: reader.int32(),
      protocol: reader.nullableString(),
      leaderId: reader.string(),
      memberId: reader.string(),
      members: reader.array((r) => ({ memberId: r.string(), instanceId: r.nullableString(), metadata: r.bytes() })),
    };
  },
};

const syncGroup: ApiCodecs['syncGroup'] = {
  name: 'SyncGroup',
  key: 14,
  version: 3,
  isFlexible: false,
  encode(writer, request) {
    writeMember(writer, request).array(request.assignments, (w, { memberId, assignment }) => {
      w.string(memberId).bytes(assignment);
    });
  },
  decode(reader) {
    reader.int32();
    return { error: reader.int16(), assignment: reader.bytes() };
  },
};

const heartbeat: ApiCodecs['heartbeat'] = {
  name: 'Heartbeat',
  key: 12,
  version: 3,
  isFlexible: false,
  encode(writer, request) {
    writeMember(writer, request);
  },
  decode(reader) {
    reader.int32();
    return { error: reader.int16() };
  },
};

const leaveGroup: ApiCodecs['leaveGroup'] = {
  name: 'LeaveGroup',
  key: 13,
  version: 3,
  isFlexible: false,
  encode(writer, request) {
    writer.string(request.groupId).array(request.members, (w, { memberId, instanceId }) => {
      w.string(memberId).string(instanceId);
    });
  },
  decode(reader) {
    reader.int32();
    const error = reader.int16();
    const members = reader.array((r) => {
      r.string();
      r.nullableString();
      return r.int16();
    });
    return { error: error || (members.find((code) => code !== 0) ?? 0) };
  },
};

const offsetCommit: ApiCodecs['offsetCommit'] = {
  name: 'OffsetCommit',
  key: 8,
  version: 7,
  isFlexible: false,
  encode(writer, request) {
    writeMember(writer, request);
    writeTopics(writer, request.topics, (w, { partition, offset, metadata }) => {
      w.int32(partition).int64(offset).int32(-1).string(metadata);
    });
  },
  decode(reader) {
    reader.int32();
    return { topics: readTopics(reader, (r) => ({ partition: r.int32(), error: r.int16() })) };
  },
};

const offsetFetch: ApiCodecs['offsetFetch'] = {
  name: 'OffsetFetch',
  key: 9,
  version: 7,
  isFlexible: true,
  encode(writer, request) {
    writer.compactString(request.groupId);
    writer.compactArray(request.topics, (w, { topic, partitions }) => {
      w.compactString(topic)
        .compactArray(partitions, (p, partition) => {
          p.int32(partition);
        })
        .noTags();
    });
    writer.boolean(request.requireStable).noTags();
  },
  decode(reader) {
    reader.int32();
    const topics = reader.compactArray((r) => {
      const topic = r.compactString();
      const partitions = r.compactArray((p) => {
        const partition = p.int32();
        const offset = p.int64();
        p.int32();
        const found = { partition, offset, metadata: p.compactNullableString(), error: p.int16() };
        p.skipTags();
        return found;
      });
      r.skipTags();
      return { topic, partitions };
    });
    return { topics, error: reader.int16() };
  },
};

export const groupCodecs = { joinGroup, syncGroup, heartbeat, leaveGroup, offsetCommit, offsetFetch };
