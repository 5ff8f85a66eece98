import { LogError } from '../../errors/log-error.js';
import { KafkaErrorCode, PASSING_ERRORS } from './error-codes.js';

const names = new Map<number, string>(Object.entries(KafkaErrorCode).map(([name, code]) => [code, name]));

/** The protocol's name of an error code, or its number where this library does not act on it. */
export function kafkaErrorName(code: number): string {
  return names.get(code) ?? `error ${code}`;
}

/** A coordinator that cannot be named now; the caller asks again. */
export function coordinatorError(key: string, code: number): LogError {
  return new LogError(
    PASSING_ERRORS.has(code) ? 'retriable' : 'fatal',
    'LOG_COORDINATOR',
    `The coordinator of "${key}" could not be found: ${kafkaErrorName(code)}.`,
  );
}
