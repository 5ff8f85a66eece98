import { InstanceFencedError } from '../../errors/instance-fenced-error.js';
import { LogError } from '../../errors/log-error.js';

/** Why an instance has failed, in its own words. */
export function asFailure(error: unknown, instanceId: string): Error {
  if (error instanceof LogError && error.code === 'LOG_FENCED_INSTANCE_ID')
    return new InstanceFencedError(instanceId, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}
