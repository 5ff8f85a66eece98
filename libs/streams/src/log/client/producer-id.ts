import { LogError } from '../../errors/log-error.js';
import { delay, type Clock } from '../../time/clock.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import type { ProducerIdentity } from '../protocol/messages.js';
import type { Wire } from '../wire.js';
import type { ConnectedWire } from './connected-wire.js';
import { kafkaError } from './kafka-error.js';

const BACK_OFF_MS = 50;

/**
 * Asks for the id of an idempotent producer until a broker answers.
 * @returns undefined once `closing` aborts.
 * @throws LogError that is not retriable, or the last one after `timeoutMs`.
 */
export async function requestProducerId(
  wire: Wire,
  connected: ConnectedWire,
  clock: Clock,
  timeoutMs: number,
  closing: AbortSignal,
): Promise<ProducerIdentity | undefined> {
  const startedAt = clock.monotonic();
  while (!closing.aborted) {
    try {
      await connected.connect();
      const { error, producerId, producerEpoch } = await wire.send(wire.anyNode(), 'initProducerId', {
        transactionalId: null,
        transactionTimeoutMs: 0,
        producerId: -1,
        producerEpoch: -1,
      });
      if (error !== KafkaErrorCode.NONE) throw kafkaError(error, 'a producer id');
      return { producerId, producerEpoch };
    } catch (cause) {
      const error = cause instanceof LogError ? cause : new LogError('fatal', 'LOG_UNKNOWN', String(cause), { cause });
      if (error.kind !== 'retriable' || clock.monotonic() - startedAt > timeoutMs) throw error;
      await delay(clock, BACK_OFF_MS, closing);
      await wire.refresh().catch(() => undefined);
    }
  }
  return undefined;
}
