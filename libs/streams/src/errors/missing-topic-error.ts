import { problemList } from './problem-list.js';
import { StreamsError } from './streams-error.js';

/** Topics that handlers or sinks name do not exist. Recovery: create them, then start again. */
export class MissingTopicError extends StreamsError {
  override readonly name = 'MissingTopicError';

  constructor(
    readonly topics: readonly string[],
    options: { readonly cause?: unknown } = {},
  ) {
    super(
      'STREAMS_TOPIC_MISSING',
      problemList(
        'Topics that the application reads or writes do not exist',
        topics.map(
          (topic) =>
            `"${topic}": check the spelling, or create it: kafka-topics.sh --bootstrap-server <brokers> --create --topic ${topic} --partitions <n>`,
        ),
      ),
      options,
    );
  }
}
