import { createKafkaLog } from '../../libs/streams/src/log/kafkajs/kafka-log.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { KafkaBroker } from '../../test/kafka/broker.js';
import type { Progress } from './report.js';

/** The cluster that a bench measures against: `KAFKA_BROKERS`, or one broker of its own. */
export interface BenchBroker {
  readonly brokers: string;
  createTopic(name: string, partitions: number, config?: Readonly<Record<string, string>>): Promise<void>;
  deleteTopic(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** @param javaOptions of a broker of its own, beside the usual ones. */
export async function benchBroker(progress: Progress, javaOptions: readonly string[] = []): Promise<BenchBroker> {
  const given = process.env.KAFKA_BROKERS;
  if (given === undefined) progress('starting a Kafka broker');
  const own = given === undefined ? await KafkaBroker.start(javaOptions) : undefined;
  const brokers = given ?? own!.brokers;
  const log = createKafkaLog({ brokers: brokers.split(',') }, { clock: new SystemClock() });
  await log.connect();
  return {
    brokers,
    createTopic: (name, partitions, config = {}) => log.admin.createTopics([{ name, partitions, config }]),
    deleteTopic: (name) => log.admin.deleteTopics([name]),
    stop: async () => {
      await log.close();
      await own?.stop();
    },
  };
}
