import type { RecordHeader } from '../../log/records/record-header.js';

/** What a query takes as `Streams-Min-Position`. */
export const POSITION_RECORD_HEADER = 'streams-position';

/** Adds `topic@partition:offset` behind the record that is being handled; what hooks forward belongs to none. */
export function withPosition(
  headers: readonly RecordHeader[] | undefined,
  { topic, partition, offset }: { readonly topic: string; readonly partition: number; readonly offset: number },
): readonly RecordHeader[] | undefined {
  const others = headers?.filter(({ name }) => name !== POSITION_RECORD_HEADER);
  if (offset < 0) return others;
  const value = Buffer.from(`${topic}@${partition}:${offset + 1}`, 'utf8');
  return [...(others ?? []), { name: POSITION_RECORD_HEADER, value }];
}
