import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseByteSize } from './byte-size.js';
import { parseDuration } from './duration.js';
import { OPTION_TABLE, type OptionDefinition } from './option-table.js';
import { resolveConfig } from './resolve-config.js';

const GB = 2 ** 30;
const table = Object.entries<OptionDefinition>(OPTION_TABLE);

/** A machine on which every limit of a default is above it. */
const config = resolveConfig(
  { applicationId: 'bank' },
  { memoryLimitBytes: 4 * GB, isProduction: false, instanceIdOf: () => 'generated' },
);

/** Options that the runtime's configuration does not carry: of the log, and what an adapter reads for itself. */
const ELSEWHERE = /^(kafka|embedded)\.|^defaultEngine$/;

/** Defaults in words, and what they come to here. */
const IN_WORDS: Readonly<Record<string, unknown>> = {
  applicationId: 'bank',
  instanceId: 'generated',
  advertisedUrl: undefined,
  'memory.maxBytes': GB,
  'memory.uncommittedMaxBytes': config.memory.cacheMaxBytes,
  'restore.maxBytesPerSecond': Infinity,
  rackTags: {},
  rackAwareTags: [],
  'errors.deadLetterTopic': undefined,
  'peers.secret': undefined,
  'peers.tls': undefined,
  freezeValues: true,
};

function resolved(path: string, type: OptionDefinition['type']): unknown {
  const steps = (type === 'duration' ? `${path}Ms` : path).split('.');
  return steps.reduce<unknown>((value, step) => {
    expect(value, path).toHaveProperty(step);
    return (value as Record<string, unknown>)[step];
  }, config);
}

/** The default that the table prints, as a value: what stands in its first code marks, else the whole. */
function printed(path: string, { type, default: text }: OptionDefinition): unknown {
  if (path in IN_WORDS) return IN_WORDS[path];
  const value = /`([^`]+)`/.exec(text)?.[1] ?? text;
  if (type === 'duration') return parseDuration(value);
  if (type === 'size') return parseByteSize(value);
  if (type === 'integer') return Number(value);
  if (type === 'boolean') return value === 'true';
  return path === 'stateDir' ? resolve(value) : value;
}

describe('OPTION_TABLE', () => {
  it.each(table.filter(([path]) => !ELSEWHERE.test(path)))('prints the default that %s has', (path, definition) => {
    expect(resolved(path, definition.type)).toEqual(printed(path, definition));
  });

  it('prints no default that is outside its range', () => {
    for (const [path, definition] of table) {
      const value = printed(path, definition);
      if (typeof value !== 'number' || Number.isNaN(value)) continue;
      expect(value, path).toBeGreaterThanOrEqual(definition.min ?? -Infinity);
      expect(value, path).toBeLessThanOrEqual(definition.max ?? Infinity);
    }
  });
});
