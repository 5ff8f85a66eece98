import { BatchTooLargeError } from '../../errors/batch-too-large-error.js';
import { partitionKey } from '../../log/client/by-topic.js';
import type { PartitionReader } from '../../log/partition-reader.js';
import type { TopicPartition } from '../../log/log.js';
import type { SourceQueue } from '../records/source-queue.js';
import type { Breathe } from '../breathing.js';
import type { Task } from '../task/task.js';

/**
 * Takes fetched chunks to the queues of their tasks, and stops fetching for queues that are full. While more than `maxBytes` wait, a queue is full with
 * one chunk, so that none is left without: no more than `maxBytes` and a chunk of each partition is held, beside what the reader has fetched.
 */
export class TaskInput {
  private readonly queues = new Map<string, SourceQueue>();
  private readonly paused = new Set<SourceQueue>();

  constructor(
    private readonly reader: PartitionReader,
    private readonly maxBytes: number,
    /** Told of a partition whose position the log no longer holds. */
    private readonly onOutOfRange: (queue: SourceQueue) => void,
  ) {}

  /** Whether chunks of its partition come to this very queue. */
  feeds(queue: SourceQueue): boolean {
    return this.queues.get(partitionKey(queue.topic, queue.partition)) === queue;
  }

  async add(task: Task): Promise<void> {
    for (const queue of task.records.queues) this.queues.set(partitionKey(queue.topic, queue.partition), queue);
    await this.reader.assign(task.records.queues.map((queue) => ({ ...placeOf(queue), offset: queue.position })));
  }

  remove(task: Task): void {
    for (const queue of task.records.queues) {
      this.queues.delete(partitionKey(queue.topic, queue.partition));
      this.paused.delete(queue);
    }
    this.reader.remove(task.records.queues.map(placeOf));
  }

  /** @throws LogError of kind `fatal` for records that cannot be read, save batches that are too large: those are queued for the policy. */
  async fill(breathe: Breathe): Promise<void> {
    const { reader, maxBytes } = this;
    let bytes = 0;
    for (const queue of this.queues.values()) bytes += queue.bytes;
    for (const queue of this.paused) {
      if (queue.isFull || (bytes > maxBytes && !queue.isEmpty)) continue;
      this.paused.delete(queue);
      reader.resume(placeOf(queue));
    }
    for (let fetched = reader.take(); fetched !== undefined; fetched = reader.take()) {
      const queue = this.queues.get(partitionKey(fetched.partition.topic, fetched.partition.partition));
      if (queue === undefined) continue;
      if (fetched.error) {
        if (fetched.error.kind === 'out-of-range') {
          this.onOutOfRange(queue);
          continue;
        }
        if (!(fetched.error instanceof BatchTooLargeError)) throw fetched.error;
      }
      const wasOver = bytes > maxBytes;
      bytes -= queue.bytes;
      if (fetched.error === undefined) queue.push(fetched.chunk);
      else queue.pushUndecoded(fetched.error);
      bytes += queue.bytes;
      if (bytes > maxBytes && !wasOver) this.pauseAll();
      else if (queue.isFull || (wasOver && !queue.isEmpty)) this.pause(queue);
      await breathe();
    }
  }

  /** Those with anything in them. */
  private pauseAll(): void {
    for (const queue of this.queues.values()) if (!queue.isEmpty) this.pause(queue);
  }

  private pause(queue: SourceQueue): void {
    this.paused.add(queue);
    this.reader.pause(placeOf(queue));
  }
}

function placeOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}
