import type { TestProject } from 'vitest/node';
import { buildApp } from '../support/built-app.js';
import { KafkaBroker } from './broker.js';
import { brokerUnavailable } from './kafka-jars.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port,...` of a running cluster, or undefined where none can be had. */
    kafkaBrokers: string | undefined;
    /** Why there is none. */
    kafkaUnavailable: string | undefined;
  }
}

/**
 * One broker and one build of the example for all Kafka suites. Suites that kill a broker start their own.
 * With `REQUIRE_KAFKA`, a missing broker is a failure.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env.KAFKA_BROKERS;
  const reason = given ? undefined : await brokerUnavailable();
  if (reason !== undefined && process.env.REQUIRE_KAFKA) throw new Error(`The Kafka suites cannot run: ${reason}.`);
  if (reason !== undefined) console.warn(`The Kafka suites are skipped: ${reason}.`);
  project.provide('kafkaUnavailable', reason);
  if (reason === undefined) await buildApp();
  if (given || reason !== undefined) {
    project.provide('kafkaBrokers', given);
    return undefined;
  }
  const broker = await KafkaBroker.start();
  project.provide('kafkaBrokers', broker.brokers);
  return () => broker.stop();
}
