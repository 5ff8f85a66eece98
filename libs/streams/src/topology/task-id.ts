import type { TaskId } from './processor.js';

export function taskId(subTopology: number, partition: number): TaskId {
  return `${subTopology}_${partition}`;
}

/** @returns undefined if `text` is not a task id. */
export function parseTaskId(text: string): { readonly subTopology: number; readonly partition: number } | undefined {
  const match = /^(0|[1-9]\d{0,8})_(0|[1-9]\d{0,8})$/.exec(text);
  return match ? { subTopology: Number(match[1]), partition: Number(match[2]) } : undefined;
}

/** By sub-topology, then by partition, as numbers. */
export function compareTaskIds(a: TaskId, b: TaskId): number {
  const left = parseTaskId(a);
  const right = parseTaskId(b);
  if (!left || !right) return a < b ? -1 : a > b ? 1 : 0;
  return left.subTopology - right.subTopology || left.partition - right.partition;
}
