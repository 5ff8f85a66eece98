import { LogError } from '../../errors/log-error.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';

/** For records that were meant for a partition that no longer exists. @param wasSent before that was known, so the partition may have had them. */
export function absentPartition(topic: string, partition: number, count: number, wasSent: boolean): LogError {
  const outcome = wasSent ? 'not acknowledged' : 'not written';
  const now =
    count === 0
      ? 'the topic does not exist, or the user lacks the right DESCRIBE on it. Create it, then send them again.'
      : `the topic has the partitions 0 to ${count - 1} now. It was created again with fewer: send them again.`;
  return new LogError(
    'fatal',
    'LOG_UNKNOWN_TOPIC_OR_PARTITION',
    `The records for ${topic}-${partition} were ${outcome}: ${now}`,
    { details: { kafkaCode: KafkaErrorCode.UNKNOWN_TOPIC_OR_PARTITION, topic } },
  );
}

/** For records that no broker acknowledged in time, and that may be written all the same. */
export function undelivered(
  where: string,
  isTransactional: boolean,
  timeoutMs: number,
  cause: LogError | undefined,
): LogError {
  return new LogError(
    isTransactional ? 'abortable' : 'retriable',
    'LOG_DELIVERY_TIMEOUT',
    `The ${where} were not acknowledged within ${timeoutMs} ms: ${cause?.message ?? 'no answer'}`,
    { cause },
  );
}
