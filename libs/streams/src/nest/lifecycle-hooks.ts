import type { RestoreProgress, TaskContext } from '../topology/processor.js';

/** After the processor was made for a task, before anything is restored. */
export interface OnTaskInit {
  onTaskInit(task: TaskContext): unknown;
}

/** Before a store of the task restores; also where nothing has to be restored. */
export interface OnRestoreStart {
  onRestoreStart(progress: RestoreProgress): unknown;
}

/** While a store restores, every `restore.progressInterval`, and at its end. */
export interface OnRestoreProgress {
  onRestoreProgress(progress: RestoreProgress): unknown;
}

/** Once all stores of the task are complete, before its next record; also after a rebalance that left the task here. */
export interface OnRestored {
  onRestored(task: TaskContext): unknown;
}

/** Before each commit with changes: the last chance to write to stores and to forward within it. */
export interface OnFlush {
  onFlush(task: TaskContext): unknown;
}

/** Before the task leaves this instance, after its last commit. */
export interface OnTaskClose {
  onTaskClose(task: TaskContext): unknown;
}
