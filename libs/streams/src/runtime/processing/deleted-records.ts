import { LogError } from '../../errors/log-error.js';
import type { LogAdmin } from '../../log/log-admin.js';
import type { TopicPartition } from '../../log/log.js';
import type { PartitionReader } from '../../log/partition-reader.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';
import type { SourceQueue } from '../records/source-queue.js';
import type { ProcessingLoop } from './processing-loop.js';

export interface DeletedRecordsOptions {
  readonly groupId: string;
  readonly admin: LogAdmin;
  readonly reader: PartitionReader;
  readonly loop: ProcessingLoop;
  readonly logger: StreamsLogger;
  readonly metrics: StreamsMetrics;
}

/**
 * Goes on behind records that retention deleted before they were processed; nothing brings them back.
 * @throws LogError of kind `fatal` if the position lies beyond the end.
 */
export async function skipDeletedRecords(
  partition: TopicPartition,
  queue: SourceQueue,
  { groupId, admin, reader, loop, logger, metrics }: DeletedRecordsOptions,
): Promise<void> {
  const { topic, partition: number } = partition;
  const { position } = queue;
  metrics.add('streams_errors_total', { code: 'LOG_OFFSET_OUT_OF_RANGE' }, 1);
  const [[begin], [end]] = await Promise.all([
    admin.beginningOffsets([partition]),
    admin.endOffsets([partition], 'read_uncommitted'),
  ]);
  if (position > end!.offset)
    throw new LogError(
      'fatal',
      'LOG_OFFSET_OUT_OF_RANGE',
      `The committed offset ${position} of "${topic}" partition ${number} lies beyond its end ${end!.offset}: the topic was cut or made anew. ` +
        `Reset the group "${groupId}" with kafka-consumer-groups.sh --reset-offsets, then start again.`,
    );
  logger.error(
    `"${topic}" partition ${number} no longer holds offsets ${position} to ${begin!.offset - 1}: its retention deleted ` +
      `${begin!.offset - position} records before they were processed. Going on at ${begin!.offset}.`,
  );
  await loop.exclusive(async () => {
    queue.reset(begin!.offset);
    await reader.assign([{ ...partition, offset: begin!.offset }]);
  });
}
