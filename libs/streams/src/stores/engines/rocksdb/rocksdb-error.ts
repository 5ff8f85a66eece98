import { StreamsError } from '../../../errors/streams-error.js';

/**
 * - `corrupted`: the files are damaged; delete the folder;
 * - `locked`: the folder is open elsewhere;
 * - `full`: nothing more can be written there; what was written is intact;
 * - `failed`: anything else.
 */
export type RocksDbErrorKind = 'corrupted' | 'locked' | 'full' | 'failed';

/** An error of a RocksDB binding, classified. */
export class RocksDbError extends StreamsError {
  override readonly name = 'RocksDbError';

  constructor(
    readonly kind: RocksDbErrorKind,
    readonly directory: string,
    reason: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super('STREAMS_ROCKSDB', `RocksDB in ${directory}: ${reason}`, options);
  }

  /** Reads the kind from the text of the status, the only thing the bindings hand on. */
  static from(directory: string, cause: unknown): RocksDbError {
    if (cause instanceof RocksDbError) return cause;
    const reason = messages(cause);
    return new RocksDbError(kindOf(reason), directory, reason, { cause });
  }
}

function messages(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const parts = [error.message];
  if (error instanceof AggregateError) parts.push(...error.errors.filter(Boolean).map(messages));
  if (error.cause !== undefined) parts.push(messages(error.cause));
  return parts.join(': ');
}

function kindOf(reason: string): RocksDbErrorKind {
  // First, since the name of the file that could not be written may look like one of the damages below.
  if (/No space left|Space limit|quota exceeded|File too large|Read-only file system/i.test(reason)) return 'full';
  if (/Input\/output error/i.test(reason)) return 'failed';
  if (/lock hold by current process|While lock file|LOCK:|No locks available/i.test(reason)) return 'locked';
  if (
    /corrupt|checksum|bad block|truncated|No such file|not supported|unknown footer|invalid argument|does not exist|CURRENT|MANIFEST|Not a directory|Is a directory|wal_dir contains existing log/i.test(
      reason,
    )
  ) {
    return 'corrupted';
  }
  return 'failed';
}
