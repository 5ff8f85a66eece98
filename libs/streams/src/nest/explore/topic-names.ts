import type { ProviderLookup, TopicName, TopicNames } from '../../decorators/topic-name.js';
import type { ProblemList } from './problem-list.js';

/** Returns the topics that a `@StreamHandler` names; what is wrong with them goes to `problems`, and the answer is then empty. */
export function sourceTopics(
  label: string,
  named: TopicNames,
  lookup: ProviderLookup,
  problems: ProblemList,
): readonly string[] {
  const found = problems.attempt(`${label}, topic`, () => [evaluated(named, lookup)].flat());
  if (found === undefined) return [];
  if (found.length === 0) problems.add(`${label} names no topic.`);
  const wrong = found.flatMap((topic) => topicProblem(label, topic) ?? []);
  const repeated = found.find((topic, i) => found.indexOf(topic) !== i);
  if (wrong.length === 0 && repeated !== undefined)
    wrong.push(`${label} names the topic "${repeated as string}" twice.`);
  problems.add(...wrong);
  return wrong.length === 0 ? (found as readonly string[]) : [];
}

/** Returns the topic that a `@SendTo` names; undefined if it cannot be used, which then is among `problems`. */
export function sinkTopic(
  label: string,
  named: TopicName,
  lookup: ProviderLookup,
  problems: ProblemList,
): string | undefined {
  const found = problems.attempt(`${label}, topic`, () => [evaluated(named, lookup)]);
  const wrong = found === undefined ? undefined : topicProblem(label, found[0]);
  if (found === undefined || wrong !== undefined) {
    problems.add(...(wrong === undefined ? [] : [wrong]));
    return undefined;
  }
  return found[0] as string;
}

function evaluated(named: unknown, lookup: ProviderLookup): unknown {
  return typeof named === 'function' ? (named as (get: ProviderLookup) => unknown)(lookup) : named;
}

function topicProblem(label: string, topic: unknown): string | undefined {
  if (topic instanceof RegExp)
    return (
      `${label} names the pattern ${String(topic)}, and topics cannot be chosen by a pattern: the number of tasks depends on them. ` +
      `Name them in a list, ['a', 'b'], or by a function that returns such a list at the start.`
    );
  if (topic instanceof Promise)
    return `${label} names its topic by an asynchronous function: load the name in an asynchronous provider, and look that up.`;
  return typeof topic === 'string' && topic !== '' ? undefined : `${label} names no topic.`;
}
