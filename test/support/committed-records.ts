import type { Log } from '../../libs/streams/src/log/log.js';

export interface CommittedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Every committed record of a topic, in the order of partitions and offsets. */
export async function committedRecords(log: Log, topic: string): Promise<CommittedRecord[]> {
  const partitions = (await log.admin.describeTopics([topic])).get(topic)?.partitions ?? 0;
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const [begins, ends] = await Promise.all([
    log.admin.beginningOffsets(all),
    log.admin.endOffsets(all, 'read_committed'),
  ]);
  const open = new Set(all.map(({ partition }) => partition).filter((p) => begins[p]!.offset < ends[p]!.offset));
  const records: CommittedRecord[] = [];
  if (open.size === 0) return records;
  const reader = log.openReader({ role: 'test', isolation: 'read_committed', maxWaitMs: 20 });
  await reader.assign(begins);
  while (open.size > 0) {
    const fetched = reader.take();
    if (fetched === undefined) {
      await reader.ready(100);
      continue;
    }
    if (fetched.error) throw fetched.error;
    const { chunk } = fetched;
    for (let i = 0; i < chunk.count; i++)
      records.push({
        partition: chunk.partition,
        offset: chunk.offsets[i]!,
        key: chunk.key(i)?.toString() ?? null,
        value: chunk.value(i)?.toString() ?? null,
        timestamp: chunk.timestamps[i]!,
        headers: Object.fromEntries(
          chunk.headers(i).map(({ name, value }) => [name, Buffer.from(value ?? []).toString()]),
        ),
      });
    if (chunk.bounds.nextOffset >= ends[chunk.partition]!.offset) open.delete(chunk.partition);
  }
  await reader.close();
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}
