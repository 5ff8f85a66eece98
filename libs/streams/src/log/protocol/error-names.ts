import { LogError } from '../../errors/log-error.js';
import { KafkaErrorCode } from './error-codes.js';

const names = new Map<number, string>(Object.entries(KafkaErrorCode).map(([name, code]) => [code, name]));

/** The protocol's name of an error code, or its number where this library does not act on it. */
export function kafkaErrorName(code: number): string {
  return names.get(code) ?? `error ${code}`;
}

/** A coordinator that cannot be named now; the caller asks again. */
export function coordinatorError(key: string, code: number): LogError {
  const kind =
    code === KafkaErrorCode.COORDINATOR_NOT_AVAILABLE || code === KafkaErrorCode.COORDINATOR_LOAD_IN_PROGRESS
      ? 'retriable'
      : 'fatal';
  return new LogError(
    kind,
    'LOG_COORDINATOR',
    `The coordinator of "${key}" could not be found: ${kafkaErrorName(code)}.`,
  );
}
