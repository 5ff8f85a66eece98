import { LogError } from '../../errors/log-error.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';

/** For a transaction time-out that is longer than the brokers allow. */
export function refusedTransactionTimeout(timeoutMs: number, transactionalId: string): LogError {
  return new LogError(
    'fatal',
    'LOG_INVALID_TRANSACTION_TIMEOUT',
    `Kafka rejected the transaction time-out of ${timeoutMs} ms for the transactional id "${transactionalId}": it is longer than ` +
      `"transaction.max.timeout.ms" of the brokers. Lower the option "transactionTimeout", or raise that setting.`,
    { details: { kafkaCode: KafkaErrorCode.INVALID_TRANSACTION_TIMEOUT } },
  );
}

/** For a session time-out outside the range of the brokers. */
export function refusedSessionTimeout(timeoutMs: number, groupId: string): LogError {
  return new LogError(
    'fatal',
    'LOG_INVALID_SESSION_TIMEOUT',
    `Kafka rejected the session time-out of ${timeoutMs} ms for the group "${groupId}": it must be from "group.min.session.timeout.ms" ` +
      `(6000 by default) to "group.max.session.timeout.ms" (1800000 by default) of the brokers. Change the option "group.sessionTimeout", or those settings.`,
    { details: { kafkaCode: KafkaErrorCode.INVALID_SESSION_TIMEOUT } },
  );
}
