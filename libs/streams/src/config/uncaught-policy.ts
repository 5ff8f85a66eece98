/**
 * What happens after an error that no other policy took. `shutdownInstance`: this instance fails, the others take its tasks over. `replaceTask`: uncommitted
 * work is dropped, and the task starts again with new user code after a back-off. `shutdownApplication`: the instance fails with an error of its own.
 */
export type UncaughtAction = 'replaceTask' | 'shutdownInstance' | 'shutdownApplication';

export interface UncaughtContext {
  /** Undefined where the error does not tell its task; then all tasks of the instance are meant. */
  readonly taskId: string | undefined;
  /** How often the task was replaced shortly before. */
  readonly replacements: number;
}

/** A fixed action, or a function that decides per error. If that throws, the instance is shut down. */
export type UncaughtPolicy =
  UncaughtAction | ((error: unknown, context: UncaughtContext) => UncaughtAction | Promise<UncaughtAction>);

export const UNCAUGHT_ACTIONS: readonly UncaughtAction[] = ['replaceTask', 'shutdownInstance', 'shutdownApplication'];
