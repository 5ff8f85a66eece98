import { LogError } from '../../errors/log-error.js';
import type { LogAdmin } from '../../log/log-admin.js';
import type { PartitionReader } from '../../log/partition-reader.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { Clock } from '../../time/clock.js';
import type { SourceQueue } from '../records/source-queue.js';
import { untilAnswered } from '../retry.js';
import type { ProcessingLoop } from './processing-loop.js';
import type { TaskInput } from './task-input.js';

export interface DeletedRecordsOptions {
  readonly admin: LogAdmin;
  readonly reader: PartitionReader;
  readonly input: TaskInput;
  readonly loop: ProcessingLoop;
  readonly clock: Clock;
  /** Aborts when the instance stops. */
  readonly signal: AbortSignal;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
}

/**
 * Goes on behind records that retention deleted before they were fetched; nothing brings them back. Records before them that wait in the queue are
 * processed all the same.
 * A position beyond the end belongs to a topic that was cut or created again: the tasks are restarted, and `onOffsetsLost` decides.
 */
export async function skipDeletedRecords(
  queue: SourceQueue,
  { admin, reader, input, loop, clock, signal, logger, metrics }: DeletedRecordsOptions,
): Promise<void> {
  const { topic, partition: number } = queue;
  const partition = { topic, partition: number };
  // The queue's own position may be behind: it is that of the next record to process.
  const position = reader.position(partition) ?? queue.position;
  metrics.add('streams_errors_total', { code: 'LOG_OFFSET_OUT_OF_RANGE' }, 1);
  const what = `tell where "${topic}" partition ${number} begins and ends`;
  const [[begin], [end]] = await untilAnswered({ clock, logger }, signal, what, () =>
    Promise.all([admin.beginningOffsets([partition]), admin.endOffsets([partition], 'read_uncommitted')]),
  );
  await loop.exclusive(async () => {
    // A recovery, a rebalance or another skip may have come first.
    if (!input.feeds(queue) || reader.position(partition) !== position) return;
    if (position > end!.offset) {
      const message = `The position ${position} of "${topic}" partition ${number} lies beyond its end ${end!.offset}.`;
      // Tasks that start again decide by their committed offsets.
      return loop.recoverFrom(new LogError('abortable', 'LOG_OFFSET_OUT_OF_RANGE', message));
    }
    const next = Math.max(position, begin!.offset);
    if (next > position) {
      logger.error(
        `"${topic}" partition ${number} no longer holds offsets ${position} to ${next - 1}: its retention deleted ` +
          `${next - position} records before they were processed. Going on at ${next}.`,
      );
      queue.skipTo(next);
    }
    await untilAnswered({ clock, logger }, signal, `take the position of "${topic}" partition ${number}`, () =>
      reader.assign([{ ...partition, offset: next }]),
    );
  });
}
