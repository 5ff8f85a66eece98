import { LogError } from '../../errors/log-error.js';
import { StreamsError } from '../../errors/streams-error.js';
import type { Clock } from '../../time/clock.js';
import { connectionFailure, type NodeAddress, type NodeConnection } from '../cluster/node-connection.js';
import type { ApiCodec } from '../protocol/api-codec.js';
import { decodeResponse, encodeRequest } from '../protocol/api-codecs.js';
import type { KafkaJsBroker, KafkaJsBrokers } from './kafkajs-internals.js';
import { MAX_TIMER_MS } from '../../time/system-clock.js';

/**
 * One of kafkajs' connections for as long as it is whole. kafkajs would go on with the same object, and with the bytes of a half-received answer in it:
 * every later answer is then taken for its rest, and none is ever found again. It also forgets requests that meet a connection on its way down. So a
 * failure of any kind ends the object, and what waited on it is answered here.
 */
class KafkaJsLink {
  private readonly waiting = new Set<(error: LogError) => void>();
  private readonly connected: Promise<KafkaJsBroker>;
  private broker: KafkaJsBroker | undefined;
  private failure: LogError | undefined;

  constructor(
    brokers: KafkaJsBrokers,
    private readonly address: NodeAddress,
    private readonly clock: Clock,
    private readonly onEnd: () => void,
  ) {
    this.connected = this.connect(brokers);
    this.connected.catch((error: unknown) => this.end(asLogError(address, error)));
  }

  request<Request, Response>(
    codec: ApiCodec<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      const late = (): void => this.end(connectionFailure(this.address, `no answer within ${timeoutMs} ms`));
      const cancelTimer = this.clock.schedule(timeoutMs, late);
      const fail = (error: LogError): void => {
        cancelTimer();
        reject(error);
      };
      this.waiting.add(fail);
      this.send(codec, request, timeoutMs).then(
        (response) => {
          cancelTimer();
          this.waiting.delete(fail);
          resolve(response);
        },
        (error: unknown) => this.end(asLogError(this.address, error)),
      );
    });
  }

  end(failure: LogError): void {
    if (this.failure !== undefined) return;
    this.failure = failure;
    this.onEnd();
    this.broker?.abandon();
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const fail of waiting) fail(failure);
  }

  private async connect(brokers: KafkaJsBrokers): Promise<KafkaJsBroker> {
    const broker = await brokers(this.address);
    this.broker = broker;
    await broker.connect();
    const closed = (): void => this.end(connectionFailure(this.address, 'connection closed'));
    if (this.failure !== undefined || broker.socket === null || broker.socket.destroyed) {
      closed();
      broker.abandon();
      throw this.failure;
    }
    broker.socket.once('close', closed);
    return broker;
  }

  private async send<Request, Response>(
    codec: ApiCodec<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    const broker = await this.connected;
    return (await broker.send({
      request: {
        apiKey: codec.key,
        apiVersion: codec.version,
        apiName: codec.name,
        encode: () => Promise.resolve(encodeRequest(codec, request)),
      },
      response: {
        decode: (body) => Promise.resolve(decodeResponse(codec, body)),
        parse: (value) => Promise.resolve(value),
      },
      requestTimeout: Math.min(timeoutMs, MAX_TIMER_MS),
      logResponseError: false,
    })) as Response;
  }
}

/** Kafka through kafkajs' sockets, TLS and SASL; requests and answers are ours. */
export class KafkaJsConnection implements NodeConnection {
  private link: KafkaJsLink | undefined;

  constructor(
    private readonly brokers: KafkaJsBrokers,
    private readonly address: NodeAddress,
    private readonly clock: Clock,
  ) {}

  request<Request, Response>(
    codec: ApiCodec<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    this.link ??= this.open();
    return this.link.request(codec, request, timeoutMs);
  }

  close(reason: string): void {
    this.link?.end(connectionFailure(this.address, reason));
  }

  private open(): KafkaJsLink {
    const link: KafkaJsLink = new KafkaJsLink(this.brokers, this.address, this.clock, () => {
      if (this.link === link) this.link = undefined;
    });
    return link;
  }
}

const REFUSALS = new Set([
  'KafkaJSSASLAuthenticationError',
  'KafkaJSUnsupportedMagicByteInMessageSet',
  'KafkaJSNotImplemented',
]);

function asLogError(address: NodeAddress, error: unknown): LogError {
  if (error instanceof LogError) return error;
  if (error instanceof StreamsError) return new LogError('fatal', error.code, error.message, { cause: error });
  const cause = error instanceof Error ? error : new Error(String(error));
  if (!REFUSALS.has(cause.name)) return connectionFailure(address, cause.message, cause);
  return new LogError('fatal', 'LOG_AUTHENTICATION', `Kafka does not answer: ${cause.message}`, { cause });
}
