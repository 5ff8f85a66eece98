import { createTopicsCodec, deleteRecordsCodec, deleteTopicsCodec, describeConfigsCodec } from './admin-codecs.js';
import type { ApiCodec } from './api-codec.js';
import { fetchCodec, listOffsetsCodec, produceCodec } from './data-codecs.js';
import {
  heartbeatCodec,
  joinGroupCodec,
  leaveGroupCodec,
  offsetCommitCodec,
  offsetFetchCodec,
  syncGroupCodec,
} from './group-codecs.js';
import type { ApiName, RequestOf, ResponseOf } from './messages.js';
import {
  addOffsetsToTxnCodec,
  addPartitionsToTxnCodec,
  endTxnCodec,
  initProducerIdCodec,
  txnOffsetCommitCodec,
} from './transaction-codecs.js';

/** The encoder and decoder of every request that clients send over a `Wire`. */
export const codecs: { readonly [A in ApiName]: ApiCodec<RequestOf<A>, ResponseOf<A>> } = {
  fetch: fetchCodec,
  produce: produceCodec,
  listOffsets: listOffsetsCodec,
  joinGroup: joinGroupCodec,
  syncGroup: syncGroupCodec,
  heartbeat: heartbeatCodec,
  leaveGroup: leaveGroupCodec,
  offsetCommit: offsetCommitCodec,
  offsetFetch: offsetFetchCodec,
  initProducerId: initProducerIdCodec,
  addPartitionsToTxn: addPartitionsToTxnCodec,
  addOffsetsToTxn: addOffsetsToTxnCodec,
  txnOffsetCommit: txnOffsetCommitCodec,
  endTxn: endTxnCodec,
  createTopics: createTopicsCodec,
  deleteTopics: deleteTopicsCodec,
  describeConfigs: describeConfigsCodec,
  deleteRecords: deleteRecordsCodec,
};
