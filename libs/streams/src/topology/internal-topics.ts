import { ConfigurationError } from '../errors/configuration-error.js';

/** Kafka's own limits on topic names. */
const TOPIC_NAME = /^[a-zA-Z0-9._-]{1,249}$/;

/** What Kafka would say against `name`, or undefined. */
export function topicNameProblem(name: string): string | undefined {
  if (name === '.' || name === '..' || !TOPIC_NAME.test(name)) {
    return 'use 1 to 249 of the characters a-z A-Z 0-9 . _ - (and not "." or ".." alone)';
  }
  return undefined;
}

/** @throws ConfigurationError if the name would not be a legal topic name. */
export function changelogTopic(applicationId: string, store: string): string {
  const topic = `${applicationId}-${store}-changelog`;
  const problem = topicNameProblem(topic);
  if (problem) throw new ConfigurationError([`"${topic}" is no legal topic name: ${problem}.`]);
  return topic;
}

/** Topics that this application makes for itself; nobody else may write to them. */
export function isInternalTopic(applicationId: string, topic: string): boolean {
  return topic.startsWith(`${applicationId}-`) && (topic.endsWith('-changelog') || topic.endsWith('-repartition'));
}
