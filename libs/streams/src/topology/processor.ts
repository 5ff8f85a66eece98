import type { RecordHeader } from '../log/records/record-header.js';

/** `<sub-topology>_<partition>`, for example `0_3`. */
export type TaskId = `${number}_${number}`;

/**
 * The record being handled and what may be done with it. One object serves a task for its whole life: read it inside the handler, and copy
 * what is kept. Key and value are decoded on first use.
 */
export interface ProcessorContext {
  readonly taskId: TaskId;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly key: unknown;
  readonly value: unknown;
  readonly headers: readonly RecordHeader[];
  /** Greatest timestamp this task has seen, -1 before the first record. */
  readonly streamTime: number;

  /** Sends a record to this node's children, or only to the child named `to`. Absent fields are those of the current record. */
  forward(value: unknown, options?: ForwardOptions): void;

  /** Asks for a commit at the next record boundary. */
  requestCommit(): void;
}

export interface ForwardOptions {
  readonly key?: unknown;
  readonly timestamp?: number;
  readonly headers?: readonly RecordHeader[];
  readonly to?: string;
}

/** A node's user code in one task. */
export interface Processor {
  /**
   * Handles the current record. A result other than undefined is forwarded with the record's key; null forwards a tombstone. A thenable is
   * awaited before the task's next record; anything else costs no promise.
   */
  process(context: ProcessorContext): unknown;

  /** Hooks of the object behind this node. Nodes that share one object answer the same one, and each of its hooks is called once. */
  readonly lifecycle?: TaskLifecycle;
}

/** Makes the user code of a node for a task; may be called again after the task was closed. */
export interface ProcessorSupplier {
  create(task: TaskContext): Promise<Processor> | Processor;
}

/** The task that user code is created for. */
export interface TaskContext {
  readonly taskId: TaskId;
  readonly partition: number;
  /** The store of that name in this task. @throws StreamsError if this node did not declare it. */
  store(name: string): unknown;
}

export interface RestoreProgress {
  readonly store: string;
  readonly taskId: TaskId;
  readonly startOffset: number;
  readonly position: number;
  readonly endOffset: number;
  readonly restoredRecords: number;
  readonly restoredBytes: number;
  readonly remainingRecords: number;
  readonly recordsPerSecond: number;
  /** Undefined until a rate is known. */
  readonly etaMs: number | undefined;
}

/** Life-cycle hooks of a task's user code; all optional, all may be async, and awaited in this order. */
export interface TaskLifecycle {
  onTaskInit?(task: TaskContext): unknown;
  onRestoreStart?(progress: RestoreProgress): unknown;
  onRestoreProgress?(progress: RestoreProgress): unknown;
  onRestored?(task: TaskContext): unknown;
  /** Before each commit of the task: the last chance to write to stores and forward records that belong to it. */
  onFlush?(task: TaskContext): unknown;
  onTaskClose?(task: TaskContext): unknown;
}
