import { runAll } from '../../errors/run-all.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';
import type { GroupListener, GroupMember, GroupMemberOptions } from '../group-member.js';
import type { Log } from '../log.js';
import type { LogAdmin } from '../log-admin.js';
import type {
  LogProducer,
  ProducerOptions,
  TransactionalProducer,
  TransactionalProducerOptions,
} from '../log-producer.js';
import type { PartitionReader, PartitionReaderOptions } from '../partition-reader.js';
import type { RecordSender } from '../record-sender.js';
import type { WireFactory } from '../wire.js';
import { AdminClient } from './admin-client.js';
import { GroupMemberClient } from './member/group-member-client.js';
import { PartitionReaderClient } from './partition-reader-client.js';
import { ProducerClient } from './producer-client.js';
import { SenderClient } from './sender-client.js';
import { TransactionalProducerClient } from './transactional-producer-client.js';

export interface WireLogOptions {
  /** `Log.kind`. */
  readonly kind: string;
  readonly wires: WireFactory;
  readonly clock: Clock;
  readonly logger?: StreamsLogger;
}

/** The log as the protocol clients see it through wires; each role gets a wire of its own. */
export class WireLog implements Log {
  readonly kind: string;
  private readonly adminClient: AdminClient;
  private readonly opened = new Set<{ close(): Promise<void> }>();

  constructor(private readonly options: WireLogOptions) {
    this.kind = options.kind;
    this.adminClient = new AdminClient(options.wires('admin'), options.clock);
  }

  get admin(): LogAdmin {
    return this.adminClient;
  }

  connect(): Promise<void> {
    return this.adminClient.connect();
  }

  openReader(options: PartitionReaderOptions): PartitionReader {
    const { wires, clock, logger } = this.options;
    return this.keep(new PartitionReaderClient(wires(options.role), options, clock, logger));
  }

  openProducer(options: ProducerOptions): LogProducer {
    const { wires, clock } = this.options;
    return this.keep(new ProducerClient(wires(options.role), options, clock));
  }

  openSender(options: ProducerOptions): RecordSender {
    const { wires, clock } = this.options;
    return this.keep(new SenderClient(wires(options.role), options, clock));
  }

  openTransactionalProducer(options: TransactionalProducerOptions): TransactionalProducer {
    const { wires, clock } = this.options;
    return this.keep(new TransactionalProducerClient(wires(options.role), options, clock));
  }

  openMember(options: GroupMemberOptions, listener: GroupListener): GroupMember {
    const { wires, clock, logger } = this.options;
    return this.keep(new GroupMemberClient(() => wires('member'), options, listener, clock, logger));
  }

  async close(): Promise<void> {
    const closing = [...this.opened, this.adminClient].map((each) => each.close());
    this.opened.clear();
    await Promise.allSettled(closing);
    await runAll(closing.map((closed) => () => closed));
  }

  private keep<T extends { close(): Promise<void> }>(client: T): T {
    this.opened.add(client);
    const close = client.close.bind(client);
    // Readers come and go with feeds and restores; only those that are open are closed with the log.
    client.close = (...args: []) => {
      this.opened.delete(client);
      return close(...args);
    };
    return client;
  }
}
