import { StreamsError } from './streams-error.js';

/** What is wrong with the committed offset of one source partition. */
export interface LostOffset {
  readonly topic: string;
  readonly partition: number;
  /** -1 if the group has none. */
  readonly committed: number;
  readonly end: number;
}

/** State exists for a task, but the offset that belongs to it does not. Recovery: choose with the option `onOffsetsLost`. */
export class OffsetsLostError extends StreamsError {
  override readonly name = 'OffsetsLostError';

  constructor(
    readonly groupId: string,
    readonly taskId: string,
    readonly lost: readonly LostOffset[],
    readonly stores: readonly string[],
  ) {
    super('STREAMS_OFFSETS_LOST', `${describeLostOffsets(groupId, taskId, lost, stores)}\n${CHOICE}`);
  }
}

/** Names the partitions, and why their offsets cannot be used. */
export function describeLostOffsets(
  groupId: string,
  taskId: string,
  lost: readonly LostOffset[],
  stores: readonly string[],
): string {
  const places = lost.map(({ topic, partition, committed, end }) =>
    committed < 0
      ? `the group "${groupId}" has no committed offset for "${topic}" partition ${partition}`
      : `the committed offset ${committed} of "${topic}" partition ${partition} lies beyond its end ${end}`,
  );
  const state =
    stores.length === 0
      ? ''
      : `, but state of earlier records exists in ${stores.map((name) => `"${name}"`).join(', ')}`;
  return `Task ${taskId}: ${places.join('; ')}${state}. Offsets expire (offsets.retention.minutes) or are deleted with the group; a topic may have been deleted and created again.`;
}

const CHOICE = [
  'Choose one, for one start, with the option "onOffsetsLost":',
  `  'reset'     deletes the state of the task, writes tombstones to its changelogs, and processes its input from the beginning`,
  `  'latest'    keeps the state and skips the input up to now`,
  `  'earliest'  keeps the state and processes all input again on top of it: records that were applied before are applied twice`,
  'If the state is not yours, another application owns the changelog: "col" with a store "a-kv" and "col-a" with "kv" share one. Rename the application or the store.',
  'Or set the offsets yourself with kafka-consumer-groups.sh --reset-offsets while all instances are stopped.',
].join('\n');
