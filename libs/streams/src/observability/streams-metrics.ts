/**
 * Every metric of the library, by its Prometheus name; `docs/reference/metrics.md` is compared with this table by a test.
 * Seconds and bytes are base units as Prometheus asks for; counters end in `_total`.
 */
export const STREAMS_METRICS = {
  streams_records_processed_total: {
    type: 'counter',
    labels: ['topic'],
    help: 'Records whose handlers have finished.',
  },
  streams_records_dropped_total: {
    type: 'counter',
    labels: ['topic', 'reason'],
    help: 'Bad records skipped or sent to the dead-letter topic.',
  },
  streams_record_retries_total: {
    type: 'counter',
    labels: ['topic', 'reason'],
    help: 'Attempts at bad records that are followed by another one.',
  },
  streams_task_replacements_total: {
    type: 'counter',
    labels: [],
    help: 'Times that the policy `replaceTask` was applied.',
  },
  streams_process_latency_seconds: {
    type: 'histogram',
    labels: ['topic'],
    help: 'Mean time a record took in its handlers, one observation per processed slice.',
  },
  streams_commit_latency_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Time from the start of a commit until its effects are published.',
  },
  streams_commits_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'Commits by outcome: committed, aborted or fenced.',
  },
  streams_store_operations_total: {
    type: 'counter',
    labels: ['store', 'operation'],
    help: 'Store operations by kind: get, put, delete, range, load, write.',
  },
  streams_store_cache_hits_total: {
    type: 'counter',
    labels: ['store'],
    help: 'Reads answered by the write-back buffer.',
  },
  streams_store_misplaced_keys_total: {
    type: 'counter',
    labels: ['store'],
    help: 'Sampled writes of keys that belong to another partition of the store.',
  },
  streams_store_bytes: { type: 'gauge', labels: ['store', 'partition'], help: 'Estimated bytes of a store partition.' },
  streams_cache_bytes: {
    type: 'gauge',
    labels: ['store', 'partition'],
    help: 'Bytes held by the write-back buffer of a store partition.',
  },
  streams_restore_remaining_records: {
    type: 'gauge',
    labels: ['store', 'partition'],
    help: 'Changelog offsets still to be restored.',
  },
  streams_standby_lag_records: {
    type: 'gauge',
    labels: ['store', 'partition'],
    help: 'Changelog records that the copy of a standby lacks.',
  },
  streams_restore_records_total: {
    type: 'counter',
    labels: ['store'],
    help: 'Changelog records applied while restoring.',
  },
  streams_standby_records_total: {
    type: 'counter',
    labels: ['store'],
    help: 'Changelog records written to copies of standbys.',
  },
  streams_restore_bytes_total: { type: 'counter', labels: ['store'], help: 'Changelog bytes read while restoring.' },
  streams_consumer_lag_records: {
    type: 'gauge',
    labels: ['topic', 'partition'],
    help: 'Offsets between the committed position and the end of a source partition.',
  },
  streams_tasks: { type: 'gauge', labels: ['state'], help: 'Tasks of this instance by state.' },
  streams_paused_partitions: {
    type: 'gauge',
    labels: [],
    help: 'Source partitions of this instance whose records wait because of a pause.',
  },
  streams_instance_state: {
    type: 'gauge',
    labels: ['state'],
    help: '1 for the current state of the instance, 0 for the others.',
  },
  streams_rebalances_total: { type: 'counter', labels: [], help: 'Assignments received from the group.' },
  streams_errors_total: { type: 'counter', labels: ['code'], help: 'Errors by their code.' },
  streams_query_requests_total: {
    type: 'counter',
    labels: ['store', 'kind', 'status'],
    help: 'Query requests by kind and HTTP status.',
  },
  streams_query_latency_seconds: { type: 'histogram', labels: ['store', 'kind'], help: 'Time to answer a query.' },
  streams_query_streams: {
    type: 'gauge',
    labels: ['kind'],
    help: 'Feeds and streamed scans that are open.',
  },
  streams_peer_calls_total: {
    type: 'counter',
    labels: ['operation', 'outcome'],
    help: 'Calls to other instances by what they came to.',
  },
  streams_peer_latency_seconds: {
    type: 'histogram',
    labels: ['operation'],
    help: 'Time until another instance has answered.',
  },
} as const satisfies Record<string, MetricDefinition>;

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

export type MetricName = keyof typeof STREAMS_METRICS;
export type MetricNameOf<T extends MetricDefinition['type']> = {
  [N in MetricName]: (typeof STREAMS_METRICS)[N]['type'] extends T ? N : never;
}[MetricName];
export type MetricLabels<N extends MetricName> = Readonly<
  Record<(typeof STREAMS_METRICS)[N]['labels'][number], string>
>;

/** Where the core reports its figures: per slice, commit or request, never per record. Labels are given in full. */
export interface StreamsMetrics {
  add<N extends MetricNameOf<'counter'>>(name: N, labels: MetricLabels<N>, amount: number): void;
  set<N extends MetricNameOf<'gauge'>>(name: N, labels: MetricLabels<N>, value: number): void;
  observe<N extends MetricNameOf<'histogram'>>(name: N, labels: MetricLabels<N>, value: number): void;
  /** Forgets one label set of a gauge, for example of a partition that moved away. */
  remove<N extends MetricNameOf<'gauge'>>(name: N, labels: MetricLabels<N>): void;
  /** Returns where an application reports, so that several in one process can be told apart. Absent: they share this. */
  forApplication?(applicationId: string): StreamsMetrics;
}

/** Returns where `applicationId` reports. */
export function metricsOf(metrics: StreamsMetrics, applicationId: string): StreamsMetrics {
  return metrics.forApplication?.(applicationId) ?? metrics;
}

/** Keeps nothing. */
export const noMetrics: StreamsMetrics = Object.freeze({ add() {}, set() {}, observe() {}, remove() {} });
