import type { LogAdmin } from '../../log/log-admin.js';

/** What a topic refuses, as far as its configuration tells. */
export interface TopicLimits {
  /** Of a batch. */
  readonly maxBytes: number;
  readonly needsKeys: boolean;
}

export const NO_LIMITS: TopicLimits = Object.freeze({
  maxBytes: Infinity,
  needsKeys: false,
});

/** @throws LogError if the configuration cannot be read. */
export async function readTopicLimits(admin: LogAdmin, topic: string): Promise<TopicLimits> {
  const config = await admin.describeConfig(topic);
  return {
    maxBytes: Number(config.get('max.message.bytes') ?? Infinity),
    needsKeys: config.get('cleanup.policy')?.includes('compact') ?? false,
  };
}
