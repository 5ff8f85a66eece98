import type { GroupListener, GroupMember, GroupMemberOptions } from './group-member.js';
import type { LogAdmin } from './log-admin.js';
import type {
  LogProducer,
  ProducerOptions,
  TransactionalProducer,
  TransactionalProducerOptions,
} from './log-producer.js';
import type { PartitionReader, PartitionReaderOptions } from './partition-reader.js';
import type { RecordSender } from './record-sender.js';

/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A partition and the offset of the next record to read or to commit: always the *next* offset, never the last one. */
export interface PartitionOffset extends TopicPartition {
  readonly offset: number;
}

/**
 * Which records a reader sees: `read_committed` hides records of open and aborted transactions and stops at the last stable
 * offset (KIP-98); `read_uncommitted` sees everything up to the high watermark.
 */
export type IsolationLevel = 'read_committed' | 'read_uncommitted';

/**
 * The partitioned log that records come from and state changes go to.
 *
 * One object serves one instance. Every role (member, reader, producer) that is opened has connections of its own, so that a parked
 * JoinGroup or a long fetch never delays a commit. Offsets are safe integers. All methods reject with a `LogError`, whose `kind` says
 * what the caller may do next.
 */
export interface Log {
  /** For log lines and health: `kafka`, `embedded`, or the name of a custom adapter. */
  readonly kind: string;

  /** True if the log is empty whenever a process opens it. Absent: it is kept. */
  readonly isVolatile?: boolean;

  readonly admin: LogAdmin;

  /** Connects and checks that the log answers. @throws LogError of kind `retriable` if no broker answers in time. */
  connect(): Promise<void>;

  openReader(options: PartitionReaderOptions): PartitionReader;
  openProducer(options: ProducerOptions): LogProducer;
  openSender(options: ProducerOptions): RecordSender;
  openTransactionalProducer(options: TransactionalProducerOptions): TransactionalProducer;
  openMember(options: GroupMemberOptions, listener: GroupListener): GroupMember;

  /** Closes everything that was opened through this log. Idempotent. */
  close(): Promise<void>;
}
