import { LogError } from '../../errors/log-error.js';
import { delay, type Clock } from '../../time/clock.js';
import type { LogProducer, ProducerOptions } from '../log-producer.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import type { ProducerIdentity } from '../protocol/messages.js';
import type { RecordHeader } from '../records/record-header.js';
import type { Wire } from '../wire.js';
import { ConnectedWire } from './connected-wire.js';
import { closedError, kafkaError } from './kafka-error.js';
import { ProducePipeline } from './produce-pipeline.js';
import { lastingAbort } from '../../time/lasting-abort.js';

const BACK_OFF_MS = 50;
const DEFAULT_DELIVERY_TIMEOUT_MS = 120_000;

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
    const startedAt = this.clock.monotonic();
    while (this.identity === undefined && !this.closing.signal.aborted) {
      try {
        this.identity = await this.requestIdentity();
      } catch (cause) {
        const error =
          cause instanceof LogError ? cause : new LogError('fatal', 'LOG_UNKNOWN', String(cause), { cause });
        const isLate =
          this.clock.monotonic() - startedAt > (this.options.deliveryTimeoutMs ?? DEFAULT_DELIVERY_TIMEOUT_MS);
        if (error.kind !== 'retriable' || isLate) return this.pipeline.fail(error);
        await delay(this.clock, BACK_OFF_MS, this.closing.signal);
        await this.wire.refresh().catch(() => undefined);
      }
    }
    this.pipeline.pump();
  }

  private async requestIdentity(): Promise<ProducerIdentity> {
    await this.connected.connect();
    const { error, producerId, producerEpoch } = await this.wire.send(this.wire.anyNode(), 'initProducerId', {
      transactionalId: null,
      transactionTimeoutMs: 0,
      producerId: -1,
      producerEpoch: -1,
    });
    if (error !== KafkaErrorCode.NONE) throw kafkaError(error, 'a producer id');
    return { producerId, producerEpoch };
  }
}
