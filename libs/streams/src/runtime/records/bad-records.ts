import type { BadRecord, BadRecordAction, BadRecordPolicy } from '../../config/bad-record-policy.js';
import type { ErrorConfig } from '../../config/runtime-config.js';
import { BadRecordError } from '../../errors/bad-record-error.js';
import { StreamsError } from '../../errors/streams-error.js';
import { partitionForKey } from '../../log/partitioner.js';
import type { RecordHeader } from '../../log/records/record-header.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { OutputPort } from './output.js';
import type { BadRecordPolicies } from './record-loop.js';

export interface BadRecordOptions {
  readonly applicationId: string;
  readonly errors: ErrorConfig;
  readonly output: OutputPort;
  /** Of the dead-letter topic. */
  readonly deadLetterPartitions: number;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
}

/** Applies the error policies. A dead letter joins the commit that passes its record, so it is written as often as any output. */
export function badRecordPolicies(options: BadRecordOptions): BadRecordPolicies {
  const { errors, output, logger, metrics } = options;
  return {
    judge: async (failure) => {
      const action = await decide(errors[failure.phase], failure);
      if (action === 'fail') throw new BadRecordError(failure, failure.error);
      return action;
    },
    pass: (failure, action, isNew) => {
      const { phase, topic, error } = failure;
      if (action === 'deadLetter') deadLetter(failure, options, output);
      if (!isNew) return;
      metrics.add('streams_errors_total', { code: codeOf(failure) }, 1);
      metrics.add('streams_records_dropped_total', { topic, reason: phase }, 1);
      logger.warn(
        `${action === 'deadLetter' ? `Moved to "${errors.deadLetterTopic}"` : 'Skipped'}: offset ${failure.offset} of "${topic}" partition ${failure.partition}, ` +
          `${phase} in ${failure.handler} (task ${failure.taskId}): ${messageOf(error)}`,
      );
    },
  };
}

async function decide(policy: BadRecordPolicy, failure: BadRecord): Promise<BadRecordAction> {
  if (typeof policy !== 'function') return policy;
  try {
    const action: unknown = await policy(failure);
    if (action === 'fail' || action === 'continue' || action === 'deadLetter') return action;
    throw new TypeError(
      `The policy errors.${failure.phase} answered ${JSON.stringify(action)}; it must answer 'fail', 'continue' or 'deadLetter'.`,
    );
  } catch (cause) {
    throw new BadRecordError(
      failure,
      new AggregateError(
        [failure.error, cause],
        `${messageOf(failure.error)}; the policy itself failed: ${messageOf(cause)}`,
      ),
    );
  }
}

function deadLetter(failure: BadRecord, options: BadRecordOptions, output: OutputPort): void {
  const { deadLetterTopic } = options.errors;
  if (deadLetterTopic === undefined)
    throw new BadRecordError(
      failure,
      new Error(`a policy answered 'deadLetter', which needs "errors.deadLetterTopic"`),
    );
  const { key, value, timestamp } = failure;
  const partition =
    key === null
      ? failure.partition % options.deadLetterPartitions
      : partitionForKey(key, options.deadLetterPartitions);
  const headers = [...failure.headers, ...context(failure, options.applicationId)];
  if (!output.producer.append(deadLetterTopic, partition, key, value, timestamp, headers)) output.isFull = true;
}

function context(failure: BadRecord, applicationId: string): RecordHeader[] {
  const fields: Record<string, string> = {
    application: applicationId,
    task: failure.taskId,
    handler: failure.handler,
    topic: failure.topic,
    partition: String(failure.partition),
    offset: String(failure.offset),
    timestamp: String(failure.timestamp),
    phase: failure.phase,
    'error-code': codeOf(failure),
    'error-message': messageOf(failure.error),
  };
  return Object.entries(fields).map(([name, text]) => ({ name: `streams-${name}`, value: Buffer.from(text) }));
}

function codeOf({ error, phase }: BadRecord): string {
  if (error instanceof StreamsError) return error.code;
  return phase === 'deserialization' ? 'STREAMS_DESERIALIZATION_FAILED' : 'STREAMS_PROCESSING_FAILED';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
