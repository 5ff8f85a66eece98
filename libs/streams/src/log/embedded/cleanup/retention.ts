import type { PartitionLog } from '../partition/partition-log.js';
import type { TopicConfig } from '../topics/topic-config.js';

/**
 * Removes what `retention.ms` and `retention.bytes` no longer keep, from the start and never beyond the last stable offset. A batch is as young as its
 * records or as its append, whichever is later: records of the past that are loaded today stay for their time.
 */
export function applyRetention(log: PartitionLog, config: TopicConfig, nowMs: number): void {
  const retentionMs = config.number('retention.ms');
  const retentionBytes = config.number('retention.bytes');
  const { lastStableOffset } = log;
  let bytes = log.byteLength;
  let start = log.logStartOffset;
  for (const { lastOffset, byteLength, maxTimestamp, appendedAtMs } of log.batches) {
    if (lastOffset >= lastStableOffset) break;
    const isOld = retentionMs >= 0 && nowMs - Math.max(maxTimestamp, appendedAtMs) > retentionMs;
    const isOver = retentionBytes >= 0 && bytes - byteLength >= retentionBytes;
    if (!isOld && !isOver) break;
    bytes -= byteLength;
    start = lastOffset + 1;
  }
  log.removeBelow(start);
}
