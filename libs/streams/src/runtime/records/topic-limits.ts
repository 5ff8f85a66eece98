import type { LogAdmin } from '../../log/log-admin.js';

/** What a topic refuses, as far as its configuration tells. */
export interface TopicLimits {
  /** Of a batch. */
  readonly maxBytes: number;
  readonly needsKeys: boolean;
  /** How far timestamps may lie before and after the broker's time, in ms. */
  readonly maxBehindMs: number;
  readonly maxAheadMs: number;
}

export const NO_LIMITS: TopicLimits = Object.freeze({
  maxBytes: Infinity,
  needsKeys: false,
  maxBehindMs: Infinity,
  maxAheadMs: Infinity,
});

/** @throws LogError if the configuration cannot be read. */
export async function readTopicLimits(admin: LogAdmin, topic: string): Promise<TopicLimits> {
  const config = await admin.describeConfig(topic);
  const takesAnyTime = config.get('message.timestamp.type') === 'LogAppendTime';
  const distance = (name: string): number => (takesAnyTime ? Infinity : Number(config.get(name) ?? Infinity));
  return {
    maxBytes: Number(config.get('max.message.bytes') ?? Infinity),
    needsKeys: config.get('cleanup.policy')?.includes('compact') ?? false,
    maxBehindMs: distance('message.timestamp.before.max.ms'),
    maxAheadMs: distance('message.timestamp.after.max.ms'),
  };
}
