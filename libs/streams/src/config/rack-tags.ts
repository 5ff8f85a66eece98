import type { RuntimeConfig } from './runtime-config.js';

const MAX_TAGS = 5;
const MAX_NAME = 20;
const MAX_VALUE = 30;

/** The limits are those of Kafka Streams (KIP-708): tags travel with every join of the group. */
export function rackProblems({ rackTags, rackAwareTags }: Pick<RuntimeConfig, 'rackTags' | 'rackAwareTags'>): string[] {
  const problems: string[] = [];
  const given: unknown = rackTags;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return ['"rackTags" must be an object such as { zone: \'eu-1a\' }.'];
  const tags: readonly (readonly [string, unknown])[] = Object.entries(given);
  if (tags.length > MAX_TAGS) problems.push(`"rackTags" may hold ${MAX_TAGS} tags, not ${tags.length}.`);
  for (const [name, value] of tags) {
    if (name.length > MAX_NAME) problems.push(`"rackTags": the name '${name}' is longer than ${MAX_NAME} characters.`);
    if (typeof value !== 'string' || value === '' || value.length > MAX_VALUE)
      problems.push(`"rackTags.${name}" must be a text of 1 to ${MAX_VALUE} characters.`);
  }
  for (const name of rackAwareTags)
    if (!(name in rackTags))
      problems.push(`"rackAwareTags" names '${name}', and "rackTags" of this instance has no value for it.`);
  return problems;
}
