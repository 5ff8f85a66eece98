import type { ErrorDetails } from '../../errors/streams-error.js';
import { LogError, type LogErrorKind } from '../../errors/log-error.js';
import { KafkaErrorCode, PASSING_ERRORS } from '../protocol/error-codes.js';
import { kafkaErrorName } from '../protocol/error-names.js';

const E = KafkaErrorCode;

const kinds = new Map<number, LogErrorKind>([
  ...Array.from(PASSING_ERRORS, (code) => [code, 'retriable'] as const),
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
]);

/** Errors that mean "ask another coordinator, or the same a little later". */
export const COORDINATOR_MOVED: ReadonlySet<number> = new Set([E.COORDINATOR_NOT_AVAILABLE, E.NOT_COORDINATOR]);

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
