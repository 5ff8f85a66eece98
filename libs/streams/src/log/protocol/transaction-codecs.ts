import type { ApiCodecs } from './api-codec.js';
import { readTopics, writeTopics } from './data-codecs.js';
import type { TransactionIdentity } from './messages.js';
import type { ProtocolWriter } from './protocol-writer.js';

function writeTransaction(writer: ProtocolWriter, transaction: TransactionIdentity): ProtocolWriter {
  return writer.string(transaction.transactionalId).int64(transaction.producerId).int16(transaction.producerEpoch);
}

const initProducerId: ApiCodecs['initProducerId'] = {
  name: 'InitProducerId',
  key: 22,
  version: 4,
  isFlexible: true,
  encode(writer, request) {
    writer.compactString(request.transactionalId).int32(request.transactionTimeoutMs);
    writer.int64(request.producerId).int16(request.producerEpoch).noTags();
  },
  decode(reader) {
    reader.int32();
    return { error: reader.int16(), producerId: reader.int64(), producerEpoch: reader.int16() };
  },
};

const addPartitionsToTxn: ApiCodecs['addPartitionsToTxn'] = {
  name: 'AddPartitionsToTxn',
  key: 24,
  version: 2,
  isFlexible: false,
  encode(writer, request) {
    writeTransaction(writer, request);
    writeTopics(writer, request.topics, (w, partition) => {
      w.int32(partition);
    });
  },
  decode(reader) {
    reader.int32();
    return { topics: readTopics(reader, (r) => ({ partition: r.int32(), error: r.int16() })) };
  },
};

const addOffsetsToTxn: ApiCodecs['addOffsetsToTxn'] = {
  name: 'AddOffsetsToTxn',
  key: 25,
  version: 2,
  isFlexible: false,
  encode(writer, request) {
    writeTransaction(writer, request).string(request.groupId);
  },
  decode(reader) {
    reader.int32();
    return { error: reader.int16() };
  },
};

const txnOffsetCommit: ApiCodecs['txnOffsetCommit'] = {
  name: 'TxnOffsetCommit',
  key: 28,
  version: 3,
  isFlexible: true,
  encode(writer, request) {
    writer.compactString(request.transactionalId).compactString(request.groupId);
    writer.int64(request.producerId).int16(request.producerEpoch);
    writer.int32(request.generationId).compactString(request.memberId).compactString(request.instanceId);
    writer.compactArray(request.topics, (w, { topic, partitions }) => {
      w.compactString(topic)
        .compactArray(partitions, (p, { partition, offset, metadata }) => {
          p.int32(partition).int64(offset).int32(-1).compactString(metadata).noTags();
        })
        .noTags();
    });
    writer.noTags();
  },
  decode(reader) {
    reader.int32();
    return {
      topics: reader.compactArray((r) => {
        const topic = r.compactString();
        const partitions = r.compactArray((p) => {
          const answer = { partition: p.int32(), error: p.int16() };
          p.skipTags();
          return answer;
        });
        r.skipTags();
        return { topic, partitions };
      }),
    };
  },
};

const endTxn: ApiCodecs['endTxn'] = {
  name: 'EndTxn',
  key: 26,
  version: 2,
  isFlexible: false,
  encode(writer, request) {
    writeTransaction(writer, request).boolean(request.commit);
  },
  decode(reader) {
    reader.int32();
    return { error: reader.int16() };
  },
};

export const transactionCodecs = { initProducerId, addPartitionsToTxn, addOffsetsToTxn, txnOffsetCommit, endTxn };
