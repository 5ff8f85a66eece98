import type { ErrorDetails } from '../../errors/streams-error.js';
import type { LogError } from '../../errors/log-error.js';
import type { Clock } from '../../time/clock.js';
import type { ResponseOf } from '../protocol/messages.js';
import { decodeRecords } from '../records/record-decoder.js';
import { kafkaError } from './kafka-error.js';

type Answer = ResponseOf<'produce'>['topics'][number]['partitions'][number];

/** The error for a batch whose timestamps the broker refused. `refusedTimestamps` are those of the records that it named. */
export function invalidTimestamp(
  answer: Answer,
  where: string,
  batch: Buffer,
  details: ErrorDetails,
  clock: Clock,
): LogError {
  const { error, message, recordErrors = [] } = answer;
  const { timestamps } = decodeRecords({
    topic: '',
    partition: answer.partition,
    position: 0,
    isolation: 'read_uncommitted',
    aborted: [],
    highWatermark: 0,
    lastStableOffset: 0,
    logStartOffset: 0,
    records: batch,
  });
  const refusedTimestamps = recordErrors.flatMap(({ index }) => timestamps[index] ?? []);
  const reasons = [message, recordErrors[0]?.message].filter((text) => text !== null && text !== undefined);
  const now = new Date(clock.now()).toISOString();
  return kafkaError(
    error,
    where,
    `${reasons.join(' ')} The broker compares timestamps with its own clock. The clock of this machine says ${now}: ` +
      `check that this machine and the brokers have the same time, then message.timestamp.before.max.ms and message.timestamp.after.max.ms of the topic`.trim(),
    { ...details, refusedTimestamps },
  );
}
