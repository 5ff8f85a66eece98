import { ConfigurationError } from '../../errors/configuration-error.js';
import { LogError } from '../../errors/log-error.js';
import { silentLogger, type StreamsLogger } from '../../observability/streams-logger.js';
import type { RocksDbBinding, RocksDbDatabase } from '../../stores/engines/rocksdb/rocksdb-binding.js';
import { RocksDbError } from '../../stores/engines/rocksdb/rocksdb-error.js';
import type { Clock } from '../../time/clock.js';
import { WireLog } from '../client/wire-log.js';
import { EmbeddedBroker } from './embedded-broker.js';
import { storageError } from './storage/journal.js';

export interface EmbeddedLogOptions {
  /** Keeps the log in this folder. Absent: in memory, gone with the process. */
  readonly directory?: string;
  /** Topics that are there from the start; one that exists already is left as it is. */
  readonly topics?: Readonly<
    Record<string, { readonly partitions: number; readonly config?: Readonly<Record<string, string>> }>
  >;
  /** Loads what opens the folder; needed with `directory`. */
  readonly binding?: () => Promise<RocksDbBinding>;
}

export interface EmbeddedLogEnvironment {
  readonly clock: Clock;
  readonly logger?: StreamsLogger;
}

const MIB = 1024 * 1024;
/** A log that nobody looks after must not fill the memory or the disk of a demo; a topic may say otherwise. */
const DEFAULT_RETENTION_BYTES = 256 * MIB;

/** The embedded log, and the broker behind it for whoever wants further wires or faults. */
export class EmbeddedLog extends WireLog {
  constructor(
    readonly broker: EmbeddedBroker,
    environment: EmbeddedLogEnvironment,
    readonly isVolatile = false,
  ) {
    super({ kind: 'embedded', wires: broker.wires, ...environment });
  }

  override async close(): Promise<void> {
    await super.close();
    await this.broker.close();
  }
}

/**
 * Opens the embedded log, with what an earlier run left in its folder.
 * @throws LogError `fatal` with code `LOG_LOCKED` if the folder is open elsewhere, `LOG_STORAGE` if it cannot be read.
 */
export async function createEmbeddedLog(
  { directory, topics = {}, binding }: EmbeddedLogOptions,
  environment: EmbeddedLogEnvironment,
): Promise<EmbeddedLog> {
  const { clock, logger = silentLogger } = environment;
  const storage = directory === undefined ? undefined : await openFolder(directory, binding);
  const broker = new EmbeddedBroker({ clock, logger, storage, defaultRetentionBytes: DEFAULT_RETENTION_BYTES });
  try {
    await broker.load();
  } catch (error) {
    await broker.close();
    throw storageError('read', error);
  }
  const log = new EmbeddedLog(broker, environment, storage === undefined);
  const names = Object.entries(topics);
  await log.admin.createTopics(names.map(([name, topic]) => ({ name, ...topic })));
  const where = directory === undefined ? 'in memory: everything is gone when the process ends' : `in ${directory}`;
  logger.warn(
    `No Kafka brokers are given. Using the EMBEDDED LOG, for tests and demos of one process, ${where}. ` +
      `A topic that says nothing about its retention keeps ${DEFAULT_RETENTION_BYTES / MIB} MiB a partition.`,
  );
  return log;
}

async function openFolder(directory: string, load: EmbeddedLogOptions['binding']): Promise<RocksDbDatabase> {
  if (load === undefined) {
    throw new ConfigurationError([
      '"embedded.directory" needs a RocksDB binding; leave it out to keep the log in memory.',
    ]);
  }
  const binding = await load();
  try {
    return await binding.open(directory, {});
  } catch (cause) {
    if (cause instanceof RocksDbError && cause.kind === 'locked') {
      throw new LogError(
        'fatal',
        'LOG_LOCKED',
        `The embedded log in ${directory} is open already, in this process or another. The embedded log serves one process: end the other one, give this one another \`embedded.directory\`, or use Kafka.`,
        { cause },
      );
    }
    throw storageError('open', cause);
  }
}
