import { StreamsError } from './streams-error.js';

/** A changelog that local stores were written from no longer exists, or another topic has its name. Recovery: choose, see the message. */
export class ChangelogLostError extends StreamsError {
  override readonly name = 'ChangelogLostError';

  constructor(
    readonly topic: string,
    readonly reason: 'missing' | 'recreated',
    applicationId: string,
  ) {
    const what =
      reason === 'missing'
        ? `The changelog topic "${topic}" does not exist any more`
        : `The changelog topic "${topic}" was deleted and created again`;
    const folder = `<stateDir>/${applicationId}`;
    const none = 'the stores then start empty, and processing continues at the committed offsets';
    super(
      'STREAMS_CHANGELOG_LOST',
      [
        `${what}, and the state in ${folder} was written with the old one. Nothing was changed. Stop all instances, then choose:`,
        `  a) Bring the old topic back (restore a backup, or fix the cluster that the brokers option names), and start again.`,
        `  b) Rebuild the state from the input, as far as its topics still have it:`,
        `       kafka-topics.sh --bootstrap-server <brokers> --delete --topic ${topic}   # if it exists`,
        `       kafka-consumer-groups.sh --bootstrap-server <brokers> --group ${applicationId} --reset-offsets --to-earliest --all-topics --execute`,
        `       rm -rf ${folder}   # on every instance`,
        `  c) Accept what the topic holds now${reason === 'missing' ? `, which is nothing: ${none}` : ''}:`,
        `       rm -rf ${folder}   # on every instance`,
      ].join('\n'),
    );
  }
}
