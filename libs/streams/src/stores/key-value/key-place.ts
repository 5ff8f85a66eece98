import { StoreAccessError } from '../../errors/store-access-error.js';
import { partitionForKey } from '../../log/partitioner.js';
import type { StoreDefinition } from '../../topology/store-definition.js';

/** One put of so many is looked at where the check is sampled. A power of two. */
const SAMPLE = 1024;

export interface KeyPlaceOptions {
  readonly definition: StoreDefinition;
  readonly partition: number;
  readonly partitionCount: number;
  /** Absent: every key is checked, and a misplaced one throws. Otherwise keys are sampled, and this is called instead. */
  readonly onMisplaced?: ((error: StoreAccessError) => void) | undefined;
}

/**
 * Checks that the keys a task puts belong to its partition: that is where queries look for them, and a key that two tasks put has two values.
 * Deletes are not checked, so that a task can remove what was misplaced before.
 */
export class KeyPlace {
  private writes = 0;

  constructor(private readonly options: KeyPlaceOptions) {}

  /** Hot path: one call per put. @throws StoreAccessError */
  check(key: unknown): void {
    const { onMisplaced } = this.options;
    if (onMisplaced === undefined) {
      const error = this.objection(key);
      if (error !== undefined) throw error;
    } else if ((this.writes++ & (SAMPLE - 1)) === 0) {
      const error = this.objection(key);
      if (error !== undefined) onMisplaced(error);
    }
  }

  private objection(key: unknown): StoreAccessError | undefined {
    const { definition, partition, partitionCount } = this.options;
    const place = (definition.partitioner ?? partitionForKey)(definition.key.serialize(key), partitionCount);
    if (place === partition) return undefined;
    return new StoreAccessError(
      'STREAMS_STORE_KEY_PARTITION',
      definition.name,
      `The store "${definition.name}" of partition ${partition} was given a key of partition ${place} (of ${partitionCount}): queries would not find it, and another task may hold a value of its own for it. ` +
        'If the key contains the key of the record, give @StateStore "partitionBy". ' +
        'If clients on librdkafka (Python, Go, .NET, Ruby, PHP) write the source topic, give it "partitioner", theirs is "consistent_random" by default. ' +
        'If the topic and the store write the key in different formats, give the store the serde of the topic. ' +
        'Otherwise process a topic that is keyed by this key, or set "lookup" to "every-partition" if each partition is to keep an entry of its own.',
    );
  }
}

/** The check of one store partition; undefined where a key cannot be misplaced. */
export function keyPlace(options: KeyPlaceOptions): KeyPlace | undefined {
  return options.partitionCount > 1 && options.definition.lookup === undefined ? new KeyPlace(options) : undefined;
}
