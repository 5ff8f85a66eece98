import { StreamsError } from './streams-error.js';

/** The task belongs to another instance now. Recovery: drop the task and its buffers without committing, and join the group again. */
export class TaskMigratedError extends StreamsError {
  override readonly name = 'TaskMigratedError';

  constructor(message: string, options: { readonly cause?: unknown; readonly taskId?: string } = {}) {
    super('STREAMS_TASK_MIGRATED', message, {
      cause: options.cause,
      details: options.taskId === undefined ? undefined : { taskId: options.taskId },
    });
  }
}
