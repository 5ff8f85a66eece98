import type { ApiCodec } from './api-codec.js';
import type { RequestOf, ResponseOf } from './messages.js';

const NO_SESSION = -1;
const UNKNOWN_EPOCH = -1;

export const fetchCodec: ApiCodec<RequestOf<'fetch'>, ResponseOf<'fetch'>> = {
  name: 'Fetch',
  key: 1,
  version: 11,
  isFlexible: false,
  write(writer, request) {
    writer
      .int32(-1)
      .int32(request.maxWaitMs)
      .int32(request.minBytes)
      .int32(request.maxBytes)
      .int8(request.isolation)
      .int32(0)
      .int32(NO_SESSION)
      .array(request.topics, (w, { topic, partitions }) =>
        w
          .string(topic)
          .array(partitions, (w, p) =>
            w.int32(p.partition).int32(UNKNOWN_EPOCH).int64(p.offset).int64(-1).int32(p.maxBytes),
          ),
      )
      .int32(0)
      .string('');
  },
  read(reader) {
    const throttleMs = reader.int32();
    const error = reader.int16();
    reader.int32(); // session id
    const topics = reader.array((r) => ({
      topic: r.string(),
      partitions: r.array((r) => {
        const head = {
          partition: r.int32(),
          error: r.int16(),
          highWatermark: r.int64(),
          lastStableOffset: r.int64(),
          logStartOffset: r.int64(),
          aborted: r.array((r) => ({ producerId: r.int64(), firstOffset: r.int64() })),
        };
        r.int32(); // preferred replica
        return { ...head, records: r.bytes() };
      }),
    }));
    return { throttleMs, error, topics };
  },
};

export const produceCodec: ApiCodec<RequestOf<'produce'>, ResponseOf<'produce'>> = {
  name: 'Produce',
  key: 0,
  version: 8,
  isFlexible: false,
  write(writer, request) {
    writer
      .string(request.transactionalId)
      .int16(request.acks)
      .int32(request.timeoutMs)
      .array(request.topics, (w, { topic, partitions }) =>
        w.string(topic).array(partitions, (w, p) => w.int32(p.partition).bytes(p.records)),
      );
  },
  read(reader) {
    const topics = reader.array((r) => ({
      topic: r.string(),
      partitions: r.array((r) => {
        const head = { partition: r.int32(), error: r.int16(), baseOffset: r.int64() };
        r.int64(); // log append time
        r.int64(); // log start offset
        const recordErrors = r.array((r) => ({ index: r.int32(), message: r.nullableString() }));
        return { ...head, message: r.nullableString() ?? recordErrors[0]?.message ?? null };
      }),
    }));
    return { topics, throttleMs: reader.int32() };
  },
};

export const listOffsetsCodec: ApiCodec<RequestOf<'listOffsets'>, ResponseOf<'listOffsets'>> = {
  name: 'ListOffsets',
  key: 2,
  version: 5,
  isFlexible: false,
  write(writer, request) {
    writer
      .int32(-1)
      .int8(request.isolation)
      .array(request.topics, (w, { topic, partitions }) =>
        w.string(topic).array(partitions, (w, p) => w.int32(p.partition).int32(UNKNOWN_EPOCH).int64(p.timestamp)),
      );
  },
  read(reader) {
    reader.int32();
    return {
      topics: reader.array((r) => ({
        topic: r.string(),
        partitions: r.array((r) => {
          const entry = { partition: r.int32(), error: r.int16(), timestamp: r.int64(), offset: r.int64() };
          r.int32(); // leader epoch
          return entry;
        }),
      })),
    };
  },
};
