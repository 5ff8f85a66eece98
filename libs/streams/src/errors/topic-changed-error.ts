import { StreamsError } from './streams-error.js';

export type TopicChange =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'recreated' }
  /** `stores`: those that were built from the former partitions. */
  | { readonly kind: 'grown'; readonly before: number; readonly after: number; readonly stores: readonly string[] };

/** A topic that a running application reads or writes was deleted, created again, or got more partitions than its stores allow. Recovery: choose, see the message. */
export class TopicChangedError extends StreamsError {
  override readonly name = 'TopicChangedError';

  constructor(
    readonly topic: string,
    readonly change: TopicChange,
    applicationId: string,
    /** Changelogs of `stores`. */
    changelogs: readonly string[] = [],
  ) {
    super('STREAMS_TOPIC_CHANGED', describe(topic, change, applicationId, changelogs).join('\n'));
  }
}

function describe(
  topic: string,
  change: TopicChange,
  applicationId: string,
  changelogs: readonly string[],
): readonly string[] {
  switch (change.kind) {
    case 'deleted':
      return [
        `The topic "${topic}" was deleted while the application was running. Nothing else was changed. Create it again, then start the application:`,
        `  kafka-topics.sh --bootstrap-server <brokers> --create --topic ${topic} --partitions <n>`,
        'If the application had state, the option "onOffsetsLost" decides where it begins to read the new topic.',
      ];
    case 'recreated':
      return [
        `The topic "${topic}" was deleted and created again while the application was running: its committed offsets belong to the former topic. ` +
          `Stop all instances, then choose:`,
        `  a) Keep the state, and read the new topic from its beginning:`,
        `       kafka-consumer-groups.sh --bootstrap-server <brokers> --group ${applicationId} --reset-offsets --to-earliest --topic ${topic} --execute`,
        `  b) Keep the state, and read only what arrives from now on: the same with --to-latest`,
        `  c) Begin without state: see "Resetting" in the guide.`,
        `Where the log says "Applying onOffsetsLost" for this topic, its offsets belong to the new topic already: then only start again.`,
      ];
    case 'grown':
      return [
        `The topic "${topic}" has ${change.after} partitions now, and ${listOf(change.stores)} from ${change.before}: ` +
          `keys that are in one partition of a store now arrive in another. Stop all instances, then choose:`,
        `  a) Rebuild the state from the input, as far as its topics still have it:`,
        ...changelogs.map((each) => `       kafka-topics.sh --bootstrap-server <brokers> --delete --topic ${each}`),
        `       kafka-consumer-groups.sh --bootstrap-server <brokers> --group ${applicationId} --reset-offsets --to-earliest --all-topics --execute`,
        `       rm -rf <stateDir>/${applicationId}   # on every instance`,
        `  b) Copy the input to a new topic with ${change.before} partitions, and read that.`,
      ];
  }
}

function listOf(stores: readonly string[]): string {
  const names = stores.map((name) => `"${name}"`).join(', ');
  return stores.length === 1 ? `the store ${names} was built` : `the stores ${names} were built`;
}
