import { measureChild, measureCommand, type Measurement } from '../harness/child.js';
import { compiledWithKafkaStreams } from '../harness/kafka-streams/jars.js';
import { DISTINCT_ACCOUNTS, distinctTransaction, transaction, type Transaction } from '../harness/workload.js';

const RECORDS = Number(process.env.BENCH_RECORDS ?? 2_000_000);
const NAIVE_RECORDS = Math.min(RECORDS, 100_000);
const ALOS_COMMIT_MS = 30_000;
const EOS_COMMIT_MS = 100;

/** One topic of input, loaded once for all variants that read it. */
export interface Workload {
  readonly topic: string;
  readonly records: number;
  readonly recordAt: (index: number) => Transaction;
}

/** Where one run of a variant happens. */
export interface Run {
  readonly brokers: string;
  readonly id: string;
  readonly directory: string;
}

/** One program that does the work, in a process of its own. */
export interface Variant {
  readonly name: string;
  readonly workload: Workload;
  /** Writes to a changelog topic that the bench creates for it. */
  readonly needsChangelog: boolean;
  readonly measure: (run: Run) => Promise<Measurement>;
}

const repeated: Workload = { topic: 'bench-transactions', records: RECORDS, recordAt: transaction };
const distinct: Workload = {
  topic: 'bench-distinct',
  records: Math.min(RECORDS, DISTINCT_ACCOUNTS),
  recordAt: distinctTransaction,
};

/** In the order in which a round runs them. */
export const variants: readonly Variant[] = [
  userProgram('naive', NAIVE_RECORDS),
  userProgram('batched', RECORDS),
  streams('at_least_once', repeated, 'at_least_once', ALOS_COMMIT_MS),
  streams('at_least_once_100ms', repeated, 'at_least_once', EOS_COMMIT_MS),
  streams('exactly_once', repeated, 'exactly_once', EOS_COMMIT_MS),
  streams('at_least_once_distinct', distinct, 'at_least_once', ALOS_COMMIT_MS),
  streams('exactly_once_distinct', distinct, 'exactly_once', EOS_COMMIT_MS),
  kafkaStreams('kafka_streams_at_least_once', repeated, 'at_least_once', ALOS_COMMIT_MS),
  kafkaStreams('kafka_streams_exactly_once', repeated, 'exactly_once_v2', EOS_COMMIT_MS),
  kafkaStreams('kafka_streams_at_least_once_distinct', distinct, 'at_least_once', ALOS_COMMIT_MS),
  kafkaStreams('kafka_streams_exactly_once_distinct', distinct, 'exactly_once_v2', EOS_COMMIT_MS),
];

function userProgram(name: string, records: number): Variant {
  const program = new URL(`./${name}.js`, import.meta.url);
  return {
    name,
    workload: repeated,
    needsChangelog: true,
    measure: ({ brokers, id, directory }) =>
      measureChild(program, [brokers, repeated.topic, `${id}-changes`, id, directory, String(records)]),
  };
}

function streams(name: string, workload: Workload, guarantee: string, commitMs: number): Variant {
  const program = new URL('./streams-app.js', import.meta.url);
  return {
    name,
    workload,
    needsChangelog: false,
    measure: (run) => measureChild(program, argumentsOf(run, workload, guarantee, commitMs)),
  };
}

function kafkaStreams(name: string, workload: Workload, guarantee: string, commitMs: number): Variant {
  return {
    name,
    workload,
    needsChangelog: false,
    measure: async (run) => {
      const classPath = await compiledWithKafkaStreams('bench/process/kafka-streams/StreamsProcess.java');
      const java = ['-Xmx2g', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', classPath, 'StreamsProcess'];
      return measureCommand('java', [...java, ...argumentsOf(run, workload, guarantee, commitMs)]);
    },
  };
}

function argumentsOf(
  { brokers, id, directory }: Run,
  { topic, records }: Workload,
  guarantee: string,
  commitMs: number,
): string[] {
  return [brokers, topic, id, directory, String(records), guarantee, String(commitMs)];
}
