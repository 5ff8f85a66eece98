import type { BadRecord } from '../../config/bad-record-policy.js';
import {
  DEFAULT_WAITS,
  isBadRecordAction,
  readRetryPolicy,
  waitAfter,
  type RetryWaits,
} from '../../config/retry-policy.js';
import type { ErrorConfig } from '../../config/runtime-config.js';
import { BadRecordError } from '../../errors/bad-record-error.js';
import { BatchTooLargeError } from '../../errors/batch-too-large-error.js';
import { reasonOf } from '../../errors/reason-of.js';
import { StreamsError } from '../../errors/streams-error.js';
import { partitionForKey } from '../../log/partitioner.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import { deadLetterHeaders } from './dead-letter.js';
import type { OutputPort } from './output.js';
import { recordBytes } from './task-output.js';
import type { BadRecordPolicies, Verdict } from './record-loop.js';
import type { OutputTopic } from './output-topic.js';

export interface BadRecordOptions {
  readonly applicationId: string;
  readonly errors: ErrorConfig;
  readonly output: OutputPort;
  /** Of the dead-letter topic. */
  readonly deadLetterTopic: OutputTopic;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
}

/** Applies the error policies. A dead letter joins the commit that passes its record, so it is written as often as any output. */
export function badRecordPolicies(options: BadRecordOptions): BadRecordPolicies {
  const { errors, output, logger, metrics } = options;
  return {
    judge: async (failure) => {
      const { phase, topic } = failure;
      const verdict = await decide(errors, failure);
      if (verdict === 'fail') throw new BadRecordError(failure, failure.error);
      if (typeof verdict !== 'object') return verdict;
      metrics.add('streams_record_retries_total', { topic, reason: phase }, 1);
      logger.warn(
        `Attempt ${failure.attempt} at ${placeOf(failure)} failed; the next one follows in ${Math.round(verdict.retryAfterMs)} ms: ${reasonOf(failure.error)}`,
      );
      return verdict;
    },
    pass: (failure, action, isNew) => {
      const { phase, topic, error } = failure;
      if (action === 'deadLetter') deadLetter(failure, options, output);
      if (!isNew) return;
      metrics.add('streams_errors_total', { code: codeOf(failure) }, 1);
      metrics.add('streams_records_dropped_total', { topic, reason: phase }, recordsOf(error));
      logger.warn(
        `${action === 'deadLetter' ? `Moved to "${errors.deadLetterTopic}"` : 'Skipped'}: ${placeOf(failure)}: ${reasonOf(error)}`,
      );
    },
  };
}

async function decide(errors: ErrorConfig, failure: BadRecord): Promise<Verdict> {
  const policy = errors[failure.phase];
  if (typeof policy !== 'function') {
    if (typeof policy !== 'object') return policy;
    const { waits, finally: last } = readRetryPolicy(policy)!;
    return failure.attempt > waits.attempts ? last : retryWith(waits, failure);
  }
  try {
    const answer: unknown = await policy(failure);
    if (isBadRecordAction(answer)) return answer;
    if (answer === 'retry') return retryWith(DEFAULT_WAITS, failure);
    const after = (answer as { retryAfterMs?: unknown } | null | undefined)?.retryAfterMs;
    if (typeof after === 'number' && after >= 0 && after < Infinity) return { retryAfterMs: after };
    throw new TypeError(
      `The policy errors.${failure.phase} answered ${JSON.stringify(answer)}; it must answer 'fail', 'continue' or 'deadLetter', or 'retry' or { retryAfterMs }.`,
    );
  } catch (cause) {
    throw new BadRecordError(
      failure,
      new AggregateError(
        [failure.error, cause],
        `${reasonOf(failure.error)}; the policy itself failed: ${reasonOf(cause)}`,
      ),
    );
  }
}

function retryWith(waits: RetryWaits, { attempt }: BadRecord): Verdict {
  return { retryAfterMs: waitAfter(attempt, waits, Math.random()) };
}

function deadLetter(failure: BadRecord, options: BadRecordOptions, output: OutputPort): void {
  const { deadLetterTopic, deadLetterStack } = options.errors;
  if (deadLetterTopic === undefined)
    throw new BadRecordError(
      failure,
      new Error(`a policy answered 'deadLetter', which needs "errors.deadLetterTopic"`),
    );
  const { key, value, timestamp } = failure;
  const partition =
    key === null
      ? failure.partition % options.deadLetterTopic.partitions
      : partitionForKey(key, options.deadLetterTopic.partitions);
  const headers = deadLetterHeaders(failure, {
    applicationId: options.applicationId,
    withStack: deadLetterStack,
    errorCode: codeOf(failure),
  });
  const objection = options.deadLetterTopic.objection(key, value, timestamp, headers);
  if (objection !== undefined)
    throw new BadRecordError(
      failure,
      new Error(`${reasonOf(failure.error)}; and "${deadLetterTopic}" refuses it: ${objection}`),
    );
  if (!output.producer.append(deadLetterTopic, partition, key, value, timestamp, headers)) output.isFull = true;
  output.bytes += recordBytes(key, value);
}

/** A batch that was not decoded fails as a whole. */
function recordsOf(error: unknown): number {
  return error instanceof BatchTooLargeError ? error.records : 1;
}

function placeOf({ offset, topic, partition, phase, handler, taskId }: BadRecord): string {
  return `offset ${offset} of "${topic}" partition ${partition}, ${phase} in ${handler} (task ${taskId})`;
}

function codeOf({ error, phase }: BadRecord): string {
  if (error instanceof StreamsError) return error.code;
  return phase === 'deserialization' ? 'STREAMS_DESERIALIZATION_FAILED' : 'STREAMS_PROCESSING_FAILED';
}
