// The plain rate of reading and decoding the changelog with our own reader: what a restore is measured against.
import { Stopwatch } from '../harness/child.js';
import { PARTITIONS } from '../harness/workload.js';
import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';

const [brokers, topic] = process.argv.slice(2);
const log = createKafkaLog({ brokers: brokers.split(',') }, { clock: new SystemClock() });
await log.connect();
const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }));
const ends = await log.admin.endOffsets(partitions, 'read_uncommitted');
const stopwatch = new Stopwatch();
stopwatch.start();
const reader = log.openReader({ role: 'raw', isolation: 'read_committed', partitionMaxBytes: 4 * 2 ** 20 });
await reader.assign(partitions.map((partition) => ({ ...partition, offset: 0 })));
let records = 0;
let bytes = 0;
const open = new Set(ends.filter(({ offset }) => offset > 0).map(({ partition }) => partition));
while (open.size > 0) {
  const fetched = reader.take();
  if (fetched === undefined) {
    await reader.ready(250);
    continue;
  }
  if (fetched.error) throw fetched.error;
  const { chunk } = fetched;
  for (let i = 0; i < chunk.count; i++) bytes += chunk.key(i)!.length + chunk.value(i)!.length;
  records += chunk.count;
  if (chunk.bounds.nextOffset >= ends[chunk.partition].offset) open.delete(chunk.partition);
}
stopwatch.finish(records, { bytes });
process.exit(0);
