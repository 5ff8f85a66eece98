import type { StreamsOptions } from '../config/streams-options.js';
import { createKafkaLog } from '../log/kafkajs/kafka-log.js';
import type { Log } from '../log/log.js';
import { loadRocksDbBinding } from '../stores/engines/rocksdb/load-rocksdb-binding.js';
import type { StreamsLogger } from '../observability/streams-logger.js';
import type { Clock } from '../time/clock.js';

/** The cluster that the options name, or the embedded log. */
export async function openLog(
  { kafka, embedded = {} }: StreamsOptions,
  environment: { readonly clock: Clock; readonly logger: StreamsLogger },
): Promise<Log> {
  if (kafka !== undefined) return createKafkaLog(kafka, environment);
  const { createEmbeddedLog } = await import('../log/embedded/embedded-log.js');
  return createEmbeddedLog({ ...embedded, binding: () => loadRocksDbBinding() }, environment);
}
