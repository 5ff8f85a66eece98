import { LogError } from '../../errors/log-error.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import { brokerName, parseBrokerAddress } from './broker-address.js';
import type { NodeAddress } from './node-connection.js';

/** Where brokers are reached that announce themselves under a name of their own ("advertised.listeners"). */
export class AnnouncedBrokers {
  private readonly answered = new Set<string>();
  private readonly reported = new Set<string>();

  constructor(
    seeds: readonly string[],
    /** `host:port` to use, by the `host:port` that a broker announces. */
    private readonly addresses: Readonly<Record<string, string>>,
    private readonly logger: StreamsLogger,
  ) {
    for (const seed of [...seeds, ...Object.values(addresses)]) this.reported.add(brokerName(parseBrokerAddress(seed)));
  }

  /** Returns the address under which an announced broker is reached from here. */
  reached<A extends NodeAddress>(announced: A): A {
    const address = this.addresses[brokerName(announced)];
    return address === undefined ? announced : { ...announced, ...parseBrokerAddress(address) };
  }

  answers(broker: string): void {
    this.answered.add(broker);
  }

  /** Explains, once, why a broker that was announced and never answered is asked at all. */
  fails(broker: string, error: unknown): void {
    if (!(error instanceof LogError) || error.code !== 'LOG_CONNECTION') return;
    if (this.answered.has(broker) || this.reported.has(broker)) return;
    this.reported.add(broker);
    this.logger.warn(
      `${error.message} The address "${broker}" is not in "kafka.brokers": a broker announces itself under it ("advertised.listeners"). ` +
        `Make it reachable from here, correct that setting of the broker, or set "kafka.addresses": { "${broker}": "<host>:<port>" }.`,
    );
  }
}
