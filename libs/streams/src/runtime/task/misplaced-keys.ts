import type { StoreAccessError } from '../../errors/store-access-error.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { StreamsMetrics } from '../../observability/streams-metrics.js';

/** Counts writes of keys that belong to other partitions, and warns once per store. */
export function misplacedKeys(logger: StreamsLogger, metrics: StreamsMetrics): (error: StoreAccessError) => void {
  const warned = new Set<string>();
  return (error) => {
    metrics.add('streams_store_misplaced_keys_total', { store: error.store }, 1);
    if (warned.has(error.store)) return;
    warned.add(error.store);
    logger.warn(error.message);
  };
}
