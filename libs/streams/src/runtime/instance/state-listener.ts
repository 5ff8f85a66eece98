import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { InstanceState } from '../instance-status.js';

export type InstanceStateListener = (state: InstanceState, previous: InstanceState) => void;

/** Calls a listener of the application. Its errors are logged and never reach the instance. */
export function notifyListener(
  listener: InstanceStateListener,
  state: InstanceState,
  previous: InstanceState,
  logger: StreamsLogger,
): void {
  const failed = (error: unknown): void =>
    logger.error(`A listener of onStateChange failed at the change from ${previous} to ${state}.`, error);
  try {
    const answer: unknown = listener(state, previous);
    if (answer instanceof Promise) answer.catch(failed);
  } catch (error) {
    failed(error);
  }
}
