import type { ErrorDetails } from '../../errors/streams-error.js';
import { LogError, type LogErrorKind } from '../../errors/log-error.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import { kafkaErrorName } from '../protocol/error-names.js';

const E = KafkaErrorCode;

const kinds = new Map<number, LogErrorKind>([
  [E.MESSAGE_TOO_LARGE, 'refused'],
  [E.RECORD_LIST_TOO_LARGE, 'refused'],
  [E.INVALID_RECORD, 'refused'],
  [E.INVALID_TIMESTAMP, 'refused'],
  [E.TOPIC_AUTHORIZATION_FAILED, 'refused'],
  [E.OFFSET_OUT_OF_RANGE, 'out-of-range'],
  [E.ILLEGAL_GENERATION, 'migrated'],
  [E.UNKNOWN_MEMBER_ID, 'migrated'],
  [E.FENCED_INSTANCE_ID, 'migrated'],
  [E.INVALID_PRODUCER_EPOCH, 'fenced'],
  [E.PRODUCER_FENCED, 'fenced'],
  [E.OUT_OF_ORDER_SEQUENCE_NUMBER, 'abortable'],
  [E.UNKNOWN_PRODUCER_ID, 'abortable'],
  [E.INVALID_TXN_STATE, 'abortable'],
  [E.INVALID_PRODUCER_ID_MAPPING, 'abortable'],
  [E.TRANSACTION_ABORTABLE, 'abortable'],
  [E.UNKNOWN_TOPIC_OR_PARTITION, 'retriable'],
  [E.LEADER_NOT_AVAILABLE, 'retriable'],
  [E.NOT_LEADER_OR_FOLLOWER, 'retriable'],
  [E.REQUEST_TIMED_OUT, 'retriable'],
  [E.REPLICA_NOT_AVAILABLE, 'retriable'],
  [E.NETWORK_EXCEPTION, 'retriable'],
  [E.COORDINATOR_LOAD_IN_PROGRESS, 'retriable'],
  [E.COORDINATOR_NOT_AVAILABLE, 'retriable'],
  [E.NOT_COORDINATOR, 'retriable'],
  [E.NOT_ENOUGH_REPLICAS, 'retriable'],
  [E.NOT_ENOUGH_REPLICAS_AFTER_APPEND, 'retriable'],
  [E.REBALANCE_IN_PROGRESS, 'retriable'],
  [E.NOT_CONTROLLER, 'retriable'],
  [E.CONCURRENT_TRANSACTIONS, 'retriable'],
  [E.KAFKA_STORAGE_ERROR, 'retriable'],
  [E.FENCED_LEADER_EPOCH, 'retriable'],
  [E.UNKNOWN_LEADER_EPOCH, 'retriable'],
  [E.OFFSET_NOT_AVAILABLE, 'retriable'],
  [E.UNSTABLE_OFFSET_COMMIT, 'retriable'],
]);

/** Errors that mean "ask another coordinator, or the same a little later". */
export const COORDINATOR_MOVED: ReadonlySet<number> = new Set([E.COORDINATOR_NOT_AVAILABLE, E.NOT_COORDINATOR]);

/** Errors of partition requests that pass by themselves once metadata is fresh. */
export const LEADER_MOVED: ReadonlySet<number> = new Set([
  E.UNKNOWN_TOPIC_OR_PARTITION,
  E.LEADER_NOT_AVAILABLE,
  E.NOT_LEADER_OR_FOLLOWER,
  E.REQUEST_TIMED_OUT,
  E.REPLICA_NOT_AVAILABLE,
  E.NETWORK_EXCEPTION,
  E.KAFKA_STORAGE_ERROR,
  E.FENCED_LEADER_EPOCH,
  E.UNKNOWN_LEADER_EPOCH,
  E.OFFSET_NOT_AVAILABLE,
]);

/** The `LogError` for an error code of a response. `during` completes "Kafka refused ...". */
export function kafkaError(
  code: number,
  during: string,
  message: string | null = null,
  details: ErrorDetails = {},
): LogError {
  const name = kafkaErrorName(code);
  const known = name.startsWith('error') ? 'UNKNOWN' : name;
  const detail = message === null || message === '' ? '' : `: ${message}`;
  return new LogError(
    kinds.get(code) ?? 'fatal',
    `LOG_${known}`,
    `The log refused ${during} with ${name} (${code})${detail}.`,
    {
      details: { kafkaCode: code, ...details },
    },
  );
}

/** For calls that a `close` cut short. */
export function closedError(what: string): LogError {
  return new LogError('retriable', 'LOG_CLOSED', `The ${what} was closed before this call had ended.`);
}

export function isTransportError(error: unknown): boolean {
  return error instanceof LogError && error.code === 'LOG_CONNECTION';
}
