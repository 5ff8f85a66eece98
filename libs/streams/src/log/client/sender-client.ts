import type { LogError } from '../../errors/log-error.js';
import type { Clock } from '../../time/clock.js';
import { lastingAbort } from '../../time/lasting-abort.js';
import type { ProducerOptions } from '../log-producer.js';
import type { ProducerIdentity } from '../protocol/messages.js';
import type { RecordSender, SentRecord } from '../record-sender.js';
import type { Wire } from '../wire.js';
import { ConnectedWire } from './connected-wire.js';
import { closedError } from './kafka-error.js';
import { DEFAULT_DELIVERY_TIMEOUT_MS, ProducePipeline } from './produce-pipeline.js';
import { requestProducerId } from './producer-id.js';
import { SendOutcome } from './send-outcome.js';

/** `RecordSender` on a wire of its own. A partition whose batch failed continues under a new producer id, so its sequence starts again. */
export class SenderClient implements RecordSender {
  private readonly pipeline: ProducePipeline;
  private readonly connected: ConnectedWire;
  private readonly closing = lastingAbort();
  /** For partitions that have none yet. */
  private identity: ProducerIdentity | undefined;
  private requesting: Promise<void> | undefined;

  constructor(
    private readonly wire: Wire,
    private readonly options: ProducerOptions,
    private readonly clock: Clock,
  ) {
    this.connected = new ConnectedWire(wire);
    const owner = {
      transactionalId: null,
      identity: () => this.current(),
      admits: () => true,
      requestAdmission: () => undefined,
      onGivenUp: () => {
        this.identity = undefined;
      },
    };
    this.pipeline = new ProducePipeline(wire, options, owner, clock);
  }

  async send(topic: string, records: readonly SentRecord[]): Promise<ReadonlyMap<number, number>> {
    const outcome = new SendOutcome();
    // Without a wait for room in the buffer: callers hold their records anyway, and would wait for partitions that are not theirs.
    for (const { partition, key, value, timestampMs, headers } of records) {
      this.pipeline.append(topic, partition, key, value, timestampMs, headers);
      this.pipeline.watchLast(topic, partition, outcome);
    }
    return outcome.settled();
  }

  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    this.pipeline.close(closedError('producer'));
    await this.wire.close();
    await this.pipeline.settled();
    await this.requesting;
  }

  private current(): ProducerIdentity | undefined {
    if (this.identity === undefined) this.requesting ??= this.request().finally(() => (this.requesting = undefined));
    return this.identity;
  }

  private async request(): Promise<void> {
    const { wire, connected, clock, closing } = this;
    const timeoutMs = this.options.deliveryTimeoutMs ?? DEFAULT_DELIVERY_TIMEOUT_MS;
    try {
      this.identity = await requestProducerId(wire, connected, clock, timeoutMs, closing.signal);
    } catch (error) {
      return this.pipeline.giveUpUnidentified(error as LogError);
    }
    this.pipeline.pump();
  }
}
