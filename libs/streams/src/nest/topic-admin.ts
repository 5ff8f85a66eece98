import { NEW_TOPIC_FIELDS, optionProblems } from '../config/decorator-option-tables.js';
import { ConfigurationError } from '../errors/configuration-error.js';
import type { Log } from '../log/log.js';
import { connectLog } from '../runtime/connect-log.js';
import type { NewTopic, TopicDescription } from '../log/log-admin.js';

/** Topics of the log, for set-up code; `onModuleInit` is early enough to create what handlers read. */
export class TopicAdmin {
  constructor(private readonly openLog: () => Promise<Log>) {}

  /** Creates what is missing; existing topics stay as they are. @throws ConfigurationError for unknown fields, LogUnavailableError, LogError */
  async create(topics: readonly NewTopic[]): Promise<void> {
    const problems = topics.flatMap((topic) => optionProblems('A topic of TopicAdmin', topic, NEW_TOPIC_FIELDS));
    if (problems.length > 0) throw new ConfigurationError(problems);
    const log = await this.openLog();
    await connectLog(log);
    await log.admin.createTopics(topics);
  }

  /** A topic that does not exist is absent from the map. @throws LogUnavailableError, LogError */
  async describe(names: readonly string[]): Promise<Map<string, TopicDescription>> {
    const log = await this.openLog();
    await connectLog(log);
    return log.admin.describeTopics(names);
  }
}
