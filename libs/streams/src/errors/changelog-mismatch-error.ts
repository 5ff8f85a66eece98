import { StreamsError } from './streams-error.js';

/** What an internal topic has to look like, and what it looks like. */
export type ChangelogMismatch =
  | { readonly property: 'partitions'; readonly expected: number; readonly actual: number }
  | { readonly property: string; readonly expected: string; readonly actual: string | undefined };

/** An existing changelog topic does not fit its store. Recovery: run the command in the message. */
export class ChangelogMismatchError extends StreamsError {
  override readonly name = 'ChangelogMismatchError';

  constructor(
    readonly topic: string,
    readonly mismatch: ChangelogMismatch,
    /** The commands that repair it, one a line; also part of the message. */
    readonly commands: readonly string[],
  ) {
    const { property, expected, actual } = mismatch;
    const what =
      property === 'partitions'
        ? `has ${actual} partitions, but its store has ${expected} tasks`
        : `has ${property}=${actual ?? '(unset)'}, but its store needs ${property}=${expected}`;
    super(
      'STREAMS_CHANGELOG_MISMATCH',
      `The changelog topic "${topic}" ${what}. Repair it, then start again:\n${commands.map((c) => `  ${c}`).join('\n')}`,
    );
  }

  /** A wrong topic configuration: the command sets it; the data stay. */
  static forConfig(topic: string, name: string, expected: string, actual: string | undefined): ChangelogMismatchError {
    // Brackets keep a list such as compact,delete one value.
    const value = expected.includes(',') ? `[${expected}]` : expected;
    return new ChangelogMismatchError(topic, { property: name, expected, actual }, [
      `kafka-configs.sh --bootstrap-server <brokers> --alter --entity-type topics --entity-name ${topic} --add-config '${name}=${value}'`,
    ]);
  }

  /**
   * A wrong partition count. Adding partitions would leave old keys in partitions where nobody looks for them, so the repair makes the topic
   * anew; the state is rebuilt by reading the sources from their beginning.
   */
  static forPartitions(topic: string, groupId: string, expected: number, actual: number): ChangelogMismatchError {
    return new ChangelogMismatchError(topic, { property: 'partitions', expected, actual }, [
      `kafka-topics.sh --bootstrap-server <brokers> --delete --topic ${topic}`,
      `kafka-consumer-groups.sh --bootstrap-server <brokers> --group ${groupId} --reset-offsets --to-earliest --all-topics --execute`,
      `rm -rf <stateDir>/${groupId}   # on every instance; the topic is created with ${expected} partitions at the next start`,
    ]);
  }
}
