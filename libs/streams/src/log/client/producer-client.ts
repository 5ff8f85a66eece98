import type { LogError } from '../../errors/log-error.js';
import type { Clock } from '../../time/clock.js';
import type { LogProducer, ProducerOptions } from '../log-producer.js';
import type { ProducerIdentity } from '../protocol/messages.js';
import type { RecordHeader } from '../records/record-header.js';
import type { Wire } from '../wire.js';
import { ConnectedWire } from './connected-wire.js';
import { closedError } from './kafka-error.js';
import { DEFAULT_DELIVERY_TIMEOUT_MS, ProducePipeline } from './produce-pipeline.js';
import { requestProducerId } from './producer-id.js';
import { lastingAbort } from '../../time/lasting-abort.js';

/** The idempotent producer. It asks for its producer id with the first record. */
export class ProducerClient implements LogProducer {
  private readonly pipeline: ProducePipeline;
  private readonly connected: ConnectedWire;
  private readonly closing = lastingAbort();
  private identity: ProducerIdentity | undefined;
  private beginning: Promise<void> | undefined;

  constructor(
    private readonly wire: Wire,
    private readonly options: ProducerOptions,
    private readonly clock: Clock,
  ) {
    this.connected = new ConnectedWire(wire);
    this.pipeline = new ProducePipeline(
      wire,
      options,
      { transactionalId: null, identity: () => this.identity, admits: () => true, requestAdmission: () => undefined },
      clock,
    );
  }

  append(
    topic: string,
    partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestampMs: number,
    headers?: readonly RecordHeader[],
  ): boolean {
    if (this.beginning === undefined) this.beginning = this.begin();
    return this.pipeline.append(topic, partition, key, value, timestampMs, headers);
  }

  drain(): Promise<void> {
    return this.pipeline.drain();
  }

  flush(): Promise<void> {
    return this.pipeline.acknowledged(this.pipeline.endRound());
  }

  acknowledgedEnd(topic: string, partition: number): number | undefined {
    return this.pipeline.acknowledgedEnd(topic, partition);
  }

  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    this.pipeline.close(closedError('producer'));
    await this.wire.close();
    await this.pipeline.settled();
    await this.beginning;
  }

  private async begin(): Promise<void> {
    const { wire, connected, clock, closing } = this;
    const timeoutMs = this.options.deliveryTimeoutMs ?? DEFAULT_DELIVERY_TIMEOUT_MS;
    try {
      this.identity = await requestProducerId(wire, connected, clock, timeoutMs, closing.signal);
    } catch (error) {
      return this.pipeline.fail(error as LogError);
    }
    this.pipeline.pump();
  }
}
