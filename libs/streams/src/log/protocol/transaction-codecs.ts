import type { ApiCodec } from './api-codec.js';
import type { RequestOf, ResponseOf } from './messages.js';

// These versions are the first transaction protocol (KIP-98); brokers with `transaction.version=2` still accept it.
const UNKNOWN_EPOCH = -1;

export const initProducerIdCodec: ApiCodec<RequestOf<'initProducerId'>, ResponseOf<'initProducerId'>> = {
  name: 'InitProducerId',
  key: 22,
  version: 4,
  isFlexible: true,
  write(writer, request) {
    writer
      .compactString(request.transactionalId)
      .int32(request.transactionTimeoutMs)
      .int64(request.producerId)
      .int16(request.producerEpoch)
      .noTags();
  },
  read(reader) {
    reader.int32();
    return { error: reader.int16(), producerId: reader.int64(), producerEpoch: reader.int16() };
  },
};

export const addPartitionsToTxnCodec: ApiCodec<RequestOf<'addPartitionsToTxn'>, ResponseOf<'addPartitionsToTxn'>> = {
  name: 'AddPartitionsToTxn',
  key: 24,
  version: 2,
  isFlexible: false,
  write(writer, request) {
    writer
      .string(request.transactionalId)
      .int64(request.producerId)
      .int16(request.producerEpoch)
      .array(request.topics, (w, { topic, partitions }) =>
        w.string(topic).array(partitions, (w, partition) => w.int32(partition)),
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

export const addOffsetsToTxnCodec: ApiCodec<RequestOf<'addOffsetsToTxn'>, ResponseOf<'addOffsetsToTxn'>> = {
  name: 'AddOffsetsToTxn',
  key: 25,
  version: 2,
  isFlexible: false,
  write(writer, request) {
    writer
      .string(request.transactionalId)
      .int64(request.producerId)
      .int16(request.producerEpoch)
      .string(request.groupId);
  },
  read(reader) {
    reader.int32();
    return { error: reader.int16() };
  },
};

export const txnOffsetCommitCodec: ApiCodec<RequestOf<'txnOffsetCommit'>, ResponseOf<'txnOffsetCommit'>> = {
  name: 'TxnOffsetCommit',
  key: 28,
  version: 3,
  isFlexible: true,
  write(writer, request) {
    writer
      .compactString(request.transactionalId)
      .compactString(request.groupId)
      .int64(request.producerId)
      .int16(request.producerEpoch)
      .int32(request.generationId)
      .compactString(request.memberId)
      .compactString(request.instanceId)
      .compactArray(request.topics, (w, { topic, partitions }) =>
        w
          .compactString(topic)
          .compactArray(partitions, (w, p) =>
            w.int32(p.partition).int64(p.offset).int32(UNKNOWN_EPOCH).compactString(p.metadata).noTags(),
          )
          .noTags(),
      )
      .noTags();
  },
  read(reader) {
    reader.int32();
    return {
      topics: reader.compactArray((r) => {
        const topic = r.compactString();
        const partitions = r.compactArray((r) => {
          const entry = { partition: r.int32(), error: r.int16() };
          r.skipTags();
          return entry;
        });
        r.skipTags();
        return { topic, partitions };
      }),
    };
  },
};

export const endTxnCodec: ApiCodec<RequestOf<'endTxn'>, ResponseOf<'endTxn'>> = {
  name: 'EndTxn',
  key: 26,
  version: 2,
  isFlexible: false,
  write(writer, request) {
    writer
      .string(request.transactionalId)
      .int64(request.producerId)
      .int16(request.producerEpoch)
      .boolean(request.commit);
  },
  read(reader) {
    reader.int32();
    return { error: reader.int16() };
  },
};
