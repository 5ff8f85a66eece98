import type { ApiCodecs } from './api-codec.js';
import type { ByTopic } from './messages.js';
import type { ProtocolReader } from './protocol-reader.js';
import type { ProtocolWriter } from './protocol-writer.js';

const NO_EPOCH = -1;
const CONSUMER_REPLICA = -1;

export function writeTopics<P>(
  writer: ProtocolWriter,
  topics: readonly ByTopic<P>[],
  write: (writer: ProtocolWriter, partition: P) => void,
): void {
  writer.array(topics, (w, { topic, partitions }) => {
    w.string(topic).array(partitions, write);
  });
}

export function readTopics<P>(reader: ProtocolReader, read: (reader: ProtocolReader) => P): ByTopic<P>[] {
  return reader.array((r) => ({ topic: r.string(), partitions: r.array(read) }));
}

const fetch: ApiCodecs['fetch'] = {
  name: 'Fetch',
  key: 1,
  version: 11,
  isFlexible: false,
  encode(writer, request) {
    const noSession = 0;
    writer
      .int32(CONSUMER_REPLICA)
      .int32(request.maxWaitMs)
      .int32(request.minBytes)
      .int32(request.maxBytes)
      .int8(request.isolation);
    writer.int32(noSession).int32(NO_EPOCH);
    writeTopics(writer, request.topics, (w, { partition, leaderEpoch = NO_EPOCH, offset, maxBytes }) => {
      w.int32(partition).int32(leaderEpoch).int64(offset).int64(-1).int32(maxBytes);
    });
    writer.int32(0).string('');
  },
  decode(reader) {
    const throttleMs = reader.int32();
    const error = reader.int16();
    reader.int32();
    const topics = readTopics(reader, (r) => {
      const head = {
        partition: r.int32(),
        error: r.int16(),
        highWatermark: r.int64(),
        lastStableOffset: r.int64(),
        logStartOffset: r.int64(),
      };
      const aborted = r.array((a) => ({ producerId: a.int64(), firstOffset: a.int64() }));
      r.int32();
      return { ...head, aborted, records: r.bytes() };
    });
    return { throttleMs, error, topics };
  },
};

const produce: ApiCodecs['produce'] = {
  name: 'Produce',
  key: 0,
  version: 8,
  isFlexible: false,
  sizeHint(request) {
    let bytes = 512;
    for (const { partitions } of request.topics) for (const { records } of partitions) bytes += records.length + 64;
    return bytes;
  },
  encode(writer, request) {
    writer.string(request.transactionalId).int16(request.acks).int32(request.timeoutMs);
    writeTopics(writer, request.topics, (w, { partition, records }) => {
      w.int32(partition).bytes(records);
    });
  },
  decode(reader) {
    const topics = readTopics(reader, (r) => {
      const head = { partition: r.int32(), error: r.int16(), baseOffset: r.int64() };
      r.int64();
      r.int64();
      const recordErrors = r.array((e) => ({ index: e.int32(), message: e.nullableString() }));
      return { ...head, recordErrors, message: r.nullableString() };
    });
    return { topics, throttleMs: reader.int32() };
  },
};

const listOffsets: ApiCodecs['listOffsets'] = {
  name: 'ListOffsets',
  key: 2,
  version: 5,
  isFlexible: false,
  encode(writer, request) {
    writer.int32(CONSUMER_REPLICA).int8(request.isolation);
    writeTopics(writer, request.topics, (w, { partition, leaderEpoch = NO_EPOCH, timestamp }) => {
      w.int32(partition).int32(leaderEpoch).int64(timestamp);
    });
  },
  decode(reader) {
    reader.int32();
    return {
      topics: readTopics(reader, (r) => {
        const found = { partition: r.int32(), error: r.int16(), timestamp: r.int64(), offset: r.int64() };
        r.int32();
        return found;
      }),
    };
  },
};

const deleteRecords: ApiCodecs['deleteRecords'] = {
  name: 'DeleteRecords',
  key: 21,
  version: 1,
  isFlexible: false,
  encode(writer, request) {
    writeTopics(writer, request.topics, (w, { partition, offset }) => {
      w.int32(partition).int64(offset);
    });
    writer.int32(request.timeoutMs);
  },
  decode(reader) {
    reader.int32();
    return { topics: readTopics(reader, (r) => ({ partition: r.int32(), lowWatermark: r.int64(), error: r.int16() })) };
  },
};

export const dataCodecs = { fetch, produce, listOffsets, deleteRecords };
