import { partitionKey } from '../../log/client/by-topic.js';
import type { PartitionReader } from '../../log/partition-reader.js';
import type { TopicPartition } from '../../log/log.js';
import type { SourceQueue } from '../records/source-queue.js';
import type { Breathe } from '../breathing.js';
import type { Task } from '../task/task.js';

/** Takes fetched chunks to the queues of their tasks, and stops fetching for queues that are full. */
export class TaskInput {
  private readonly queues = new Map<string, SourceQueue>();
  private readonly paused = new Set<SourceQueue>();

  constructor(
    private readonly reader: PartitionReader,
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

  /** @throws LogError of kind `fatal` for records that cannot be read. */
  async fill(breathe: Breathe): Promise<void> {
    const { reader } = this;
    for (const queue of this.paused) {
      if (queue.isFull) continue;
      this.paused.delete(queue);
      reader.resume(placeOf(queue));
    }
    for (let fetched = reader.take(); fetched !== undefined; fetched = reader.take()) {
      const queue = this.queues.get(partitionKey(fetched.partition.topic, fetched.partition.partition));
      if (queue === undefined) continue;
      if (fetched.error) {
        if (fetched.error.kind !== 'out-of-range') throw fetched.error;
        this.onOutOfRange(queue);
        continue;
      }
      queue.push(fetched.chunk);
      if (queue.isFull) {
        this.paused.add(queue);
        reader.pause(placeOf(queue));
      }
      await breathe();
    }
  }
}

function placeOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}
