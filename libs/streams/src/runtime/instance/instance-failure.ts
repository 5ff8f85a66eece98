import { InstanceFencedError } from '../../errors/instance-fenced-error.js';
import { LogError } from '../../errors/log-error.js';
import { reasonOf } from '../../errors/reason-of.js';
import { StreamsError } from '../../errors/streams-error.js';
import type { StreamsInstanceOptions } from './instance-parts.js';

/** Why an instance has failed, in its own words. */
export function asFailure(error: unknown, instanceId: string): Error {
  if (error instanceof LogError && error.code === 'LOG_FENCED_INSTANCE_ID')
    return new InstanceFencedError(instanceId, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** @param when what the instance did: `failed`. */
export function tellOfFailure(failure: Error, when: string, options: StreamsInstanceOptions): void {
  const { config, logger, metrics } = options;
  logger.error(
    `The instance "${config.instanceId}" of "${config.applicationId}" ${when}: ${reasonOf(failure)}`,
    failure,
  );
  const code = failure instanceof StreamsError ? failure.code : 'STREAMS_PROCESSING_FAILED';
  metrics.add('streams_errors_total', { code }, 1);
}
