import type { ApiCodecs } from './api-codec.js';

const TOPIC_RESOURCE = 2;
const NO_TOPIC_ID = Buffer.alloc(16);

const createTopics: ApiCodecs['createTopics'] = {
  name: 'CreateTopics',
  key: 19,
  version: 4,
  isFlexible: false,
  encode(writer, request) {
    writer.array(request.topics, (w, topic) => {
      w.string(topic.name).int32(topic.partitions).int16(topic.replicationFactor);
      w.array([], () => {});
      w.array(topic.config, (c, { name, value }) => {
        c.string(name).string(value);
      });
    });
    writer.int32(request.timeoutMs).boolean(false);
  },
  decode(reader) {
    reader.int32();
    return { topics: reader.array((r) => ({ name: r.string(), error: r.int16(), message: r.nullableString() })) };
  },
};

/** Metadata of the first version with topic ids; topics are never created by asking for them. */
const topicIds: ApiCodecs['topicIds'] = {
  name: 'Metadata',
  key: 3,
  version: 10,
  isFlexible: true,
  encode(writer, request) {
    writer.compactArray(request.topics, (w, name) => {
      w.raw(NO_TOPIC_ID).compactString(name).noTags();
    });
    writer.boolean(false).boolean(false).boolean(false).noTags();
  },
  decode(reader) {
    reader.int32();
    reader.compactArray((r) => {
      r.int32();
      r.compactString();
      r.int32();
      r.compactNullableString();
      r.skipTags();
    });
    reader.compactNullableString();
    reader.int32();
    const topics = reader.compactArray((r) => {
      const topic = { error: r.int16(), name: r.compactString(), id: r.uuid() };
      r.boolean();
      r.compactArray((p) => {
        p.int16();
        for (let field = 0; field < 3; field++) p.int32();
        for (let list = 0; list < 3; list++) p.compactArray((replica) => replica.int32());
        p.skipTags();
      });
      r.int32();
      r.skipTags();
      return topic;
    });
    return { topics };
  },
};

const deleteTopics: ApiCodecs['deleteTopics'] = {
  name: 'DeleteTopics',
  key: 20,
  version: 3,
  isFlexible: false,
  encode(writer, request) {
    writer.array(request.names, (w, name) => {
      w.string(name);
    });
    writer.int32(request.timeoutMs);
  },
  decode(reader) {
    reader.int32();
    return { topics: reader.array((r) => ({ name: r.string(), error: r.int16() })) };
  },
};

const describeConfigs: ApiCodecs['describeConfigs'] = {
  name: 'DescribeConfigs',
  key: 32,
  version: 2,
  isFlexible: false,
  encode(writer, request) {
    writer.array(request.topics, (w, topic) => {
      w.int8(TOPIC_RESOURCE)
        .string(topic)
        .array(null, () => {});
    });
    writer.boolean(false);
  },
  decode(reader) {
    reader.int32();
    return {
      topics: reader.array((r) => {
        const error = r.int16();
        const message = r.nullableString();
        r.int8();
        const name = r.string();
        const entries = r.array((e) => {
          const entry = { name: e.string(), value: e.nullableString() };
          e.boolean();
          e.int8();
          e.boolean();
          e.array((s) => [s.string(), s.nullableString(), s.int8()]);
          return entry;
        });
        return { name, error, message, entries };
      }),
    };
  },
};

export const adminCodecs = { createTopics, topicIds, deleteTopics, describeConfigs };
