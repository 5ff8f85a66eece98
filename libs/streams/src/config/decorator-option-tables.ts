import type { OptionType } from './option-table.js';
import { OptionReader, type OptionTable } from './option-reader.js';

/** An option whose default and meaning are those of its decorator's interface. */
function option(type: OptionType, range: { readonly min?: number; readonly max?: number } = {}): OptionTable[string] {
  return { type, default: '', meaning: '', ...range };
}

/** Options of `@StateStore`. */
export const STATE_STORE_OPTIONS: OptionTable = {
  // The explorer checks the name, as it needs one to report anything else.
  name: option('other'),
  key: option('serde'),
  value: option('serde'),
  engine: option('string'),
  // `storePartitioning` says which names, and which of these three go together.
  partitioner: option('other'),
  partitionBy: option('other'),
  lookup: option('other'),
  query: option('boolean'),
  'query.authorize': option('function'),
  'query.map': option('function'),
  'query.dto': option('function'),
  changelog: option('changelog'),
  restorePriority: option('integer'),
};

/** Options of `@StreamHandler`. */
export const STREAM_HANDLER_OPTIONS: OptionTable = {
  key: option('serde'),
  value: option('serde'),
  prefetch: option('prefetch'),
  prefetchFrom: option('list'),
  startAt: option(['earliest', 'latest']),
};

/** Options of `@SendTo`. */
export const SEND_TO_OPTIONS: OptionTable = {
  key: option('serde'),
  value: option('serde'),
  partitioner: option('other'),
  positionHeader: option('boolean'),
};

/** Options of `@StreamProcessor`. */
export const STREAM_PROCESSOR_OPTIONS: OptionTable = { name: option('string') };

/** Options of `StreamsModule.forFeature`. */
export const FEATURE_OPTIONS: OptionTable = {
  processors: option('list'),
  stores: option('list'),
  imports: option('list'),
  providers: option('list'),
};

/** Options of `RecordProducer.send` and `sendAll`. */
export const SEND_OPTIONS: OptionTable = {
  key: option('serde'),
  value: option('serde'),
  partitioner: option('other'),
};

/** Fields of a record that `RecordProducer` sends. Their values are checked where they are used. */
export const OUTGOING_RECORD_FIELDS: OptionTable = {
  key: option('other'),
  value: option('other'),
  timestamp: option('other'),
  headers: option('other'),
  partition: option('other'),
};

/** Fields of a topic that `TopicAdmin` creates. */
export const NEW_TOPIC_FIELDS: OptionTable = {
  name: option('string'),
  partitions: option('integer'),
  replicationFactor: option('integer'),
  config: option('other'),
};

/** Returns what is wrong with the options of a decorator or of `forFeature`, one sentence each, with `label` in front. */
export function optionProblems(label: string, options: unknown, table: OptionTable): string[] {
  return new OptionReader(options, { table }).problems.map((problem) => `${label}: ${problem}`);
}
