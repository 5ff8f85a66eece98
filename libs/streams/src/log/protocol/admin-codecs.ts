import type { ApiCodec } from './api-codec.js';
import type { RequestOf, ResponseOf } from './messages.js';

const TOPIC_RESOURCE = 2;

export const createTopicsCodec: ApiCodec<RequestOf<'createTopics'>, ResponseOf<'createTopics'>> = {
  name: 'CreateTopics',
  key: 19,
  version: 4,
  isFlexible: false,
  write(writer, request) {
    writer
      .array(request.topics, (w, topic) =>
        w
          .string(topic.name)
          .int32(topic.partitions)
          .int16(topic.replicationFactor)
          .array([], () => undefined) // no manual replica assignment
          .array(topic.config, (w, { name, value }) => w.string(name).string(value)),
      )
      .int32(request.timeoutMs)
      .boolean(false);
  },
  read(reader) {
    reader.int32();
    return {
      topics: reader.array((r) => ({ name: r.string(), error: r.int16(), message: r.nullableString() })),
    };
  },
};

export const deleteTopicsCodec: ApiCodec<RequestOf<'deleteTopics'>, ResponseOf<'deleteTopics'>> = {
  name: 'DeleteTopics',
  key: 20,
  version: 3,
  isFlexible: false,
  write(writer, request) {
    writer.array(request.names, (w, name) => w.string(name)).int32(request.timeoutMs);
  },
  read(reader) {
    reader.int32();
    return { topics: reader.array((r) => ({ name: r.string(), error: r.int16() })) };
  },
};

export const describeConfigsCodec: ApiCodec<RequestOf<'describeConfigs'>, ResponseOf<'describeConfigs'>> = {
  name: 'DescribeConfigs',
  key: 32,
  version: 2,
  isFlexible: false,
  write(writer, request) {
    writer
      .array(request.topics, (w, name) => w.int8(TOPIC_RESOURCE).string(name).int32(-1)) // null: all entries
      .boolean(false);
  },
  read(reader) {
    reader.int32();
    return {
      topics: reader.array((r) => {
        const error = r.int16();
        const message = r.nullableString();
        r.int8(); // resource type
        const name = r.string();
        const entries = r.array((r) => {
          const entry = { name: r.string(), value: r.nullableString() };
          r.boolean(); // read only
          r.int8(); // source
          r.boolean(); // sensitive
          r.array((r) => [r.string(), r.nullableString(), r.int8()]); // synonyms
          return entry;
        });
        return { name, error, message, entries };
      }),
    };
  },
};

export const deleteRecordsCodec: ApiCodec<RequestOf<'deleteRecords'>, ResponseOf<'deleteRecords'>> = {
  name: 'DeleteRecords',
  key: 21,
  version: 1,
  isFlexible: false,
  write(writer, request) {
    writer
      .array(request.topics, (w, { topic, partitions }) =>
        w.string(topic).array(partitions, (w, p) => w.int32(p.partition).int64(p.offset)),
      )
      .int32(request.timeoutMs);
  },
  read(reader) {
    reader.int32();
    return {
      topics: reader.array((r) => ({
        topic: r.string(),
        partitions: r.array((r) => ({ partition: r.int32(), lowWatermark: r.int64(), error: r.int16() })),
      })),
    };
  },
};
