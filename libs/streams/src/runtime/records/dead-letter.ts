import type { BadRecord } from '../../config/bad-record-policy.js';
import { BatchTooLargeError } from '../../errors/batch-too-large-error.js';
import { reasonOf, stackOf } from '../../errors/reason-of.js';
import type { RecordHeader } from '../../log/records/record-header.js';

const PREFIX = 'streams-';
const MAX_MESSAGE_BYTES = 1024;
const MAX_STACK_BYTES = 8 * 1024;

export interface DeadLetterContext {
  readonly applicationId: string;
  readonly withStack: boolean;
  readonly errorCode: string;
}

/**
 * The record's own headers, then where it came from and why. A letter that was read from a dead-letter topic and fails again keeps its first
 * story beside the new one: of headers with one name, the last is the newest.
 */
export function deadLetterHeaders(failure: BadRecord, context: DeadLetterContext): RecordHeader[] {
  const { error } = failure;
  const fields: Record<string, string> = {
    application: context.applicationId,
    task: failure.taskId,
    handler: failure.handler,
    topic: failure.topic,
    partition: String(failure.partition),
    offset: String(failure.offset),
    timestamp: String(failure.timestamp),
    phase: failure.phase,
    attempts: String(failure.attempt),
    'error-code': context.errorCode,
    'error-class': error instanceof Error ? error.constructor.name : typeof error,
    'error-message': cut(reasonOf(error), MAX_MESSAGE_BYTES),
  };
  if (error instanceof BatchTooLargeError) {
    fields['last-offset'] = String(error.lastOffset);
    fields['records'] = String(error.records);
  }
  const stack = context.withStack && error instanceof Error ? stackOf(error) : undefined;
  if (stack) fields['error-stack'] = cut(stack, MAX_STACK_BYTES);
  return [
    ...failure.headers,
    ...Object.entries(fields).map(([name, text]) => ({ name: PREFIX + name, value: Buffer.from(text) })),
  ];
}

/** Cuts between two characters. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes - 3;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return `${bytes.toString('utf8', 0, end)}...`;
}
