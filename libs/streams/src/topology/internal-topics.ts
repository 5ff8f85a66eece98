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

/** Why topics of an application could have the names of another one's, or undefined. */
export function applicationIdProblem(applicationId: string): string | undefined {
  return applicationId.includes('--') || applicationId.endsWith('-')
    ? 'it must not contain "--" or end with "-", since its topics could have the names of those of another application'
    : topicNameProblem(applicationId);
}

/** Why a store could have the changelog of another one, or undefined. */
export function storeNameProblem(store: string): string | undefined {
  return store.startsWith('-') ? 'it must not begin with "-"' : topicNameProblem(store);
}

/**
 * Two dashes separate the parts where the name of the store contains a dash itself. No two pairs of legal names have the same changelog.
 * @throws ConfigurationError if the name would not be a legal topic name.
 */
export function changelogTopic(applicationId: string, store: string): string {
  const topic = changelogName(applicationId, store);
  const problem = topicNameProblem(topic);
  if (problem) throw new ConfigurationError([`"${topic}" is no legal topic name: ${problem}.`]);
  return topic;
}

export function changelogName(applicationId: string, store: string): string {
  return `${applicationId}${store.includes('-') ? '--' : '-'}${store}-changelog`;
}

/** Topics that this application makes for itself; nobody else may write to them. */
export function isInternalTopic(applicationId: string, topic: string): boolean {
  return topic.startsWith(`${applicationId}-`) && (topic.endsWith('-changelog') || topic.endsWith('-repartition'));
}
