import { LogError } from '../../errors/log-error.js';
import { delay, type Clock } from '../../time/clock.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/messages.js';
import type { CoordinatorType } from '../wire.js';
import type { WireConnection } from './connected-wire.js';
import { closedError, COORDINATOR_MOVED, isTransportError, kafkaError } from './kafka-error.js';
import { lastingAbort } from '../../time/lasting-abort.js';

const FIRST_BACK_OFF_MS = 2;
const MAX_BACK_OFF_MS = 50;
const UNREACHABLE_BACK_OFF_MS = 100;

export interface CoordinatorCall<A extends ApiName> {
  readonly api: A;
  readonly request: RequestOf<A>;
  /** The error code that decides over a retry; 0 for success. */
  readonly errorOf: (response: ResponseOf<A>) => number;
  /** Codes that are asked again, besides those of a coordinator that moves or loads. */
  readonly retryOn?: ReadonlySet<number>;
  /** Asks the cluster first who coordinates now: for answers that a former coordinator would give as well, if older ones. */
  readonly asksAnew?: boolean;
  /** Infinity: asked until an answer comes or the client is closed. */
  readonly deadlineMs: number;
}

/** Sends requests to the coordinator of one key, and finds it again when it moves, loads, or cannot be reached. */
export class CoordinatorClient {
  private node: number | undefined;
  private readonly closing = lastingAbort();

  constructor(
    private readonly connected: WireConnection,
    private readonly type: CoordinatorType,
    private readonly key: string,
    private readonly clock: Clock,
  ) {}

  /**
   * @returns the first response that is not to be retried, error codes included.
   * @throws LogError of kind `retriable` after the deadline or a close.
   */
  async call<A extends ApiName>(call: CoordinatorCall<A>): Promise<ResponseOf<A>> {
    const startedAt = this.clock.monotonic();
    if (call.asksAnew) this.node = undefined;
    for (let attempt = 0; ; attempt++) {
      if (this.closing.signal.aborted) throw closedError(`${this.type} coordinator client of "${this.key}"`);
      let failure: LogError;
      let backOffMs = Math.min(FIRST_BACK_OFF_MS * (attempt + 1), MAX_BACK_OFF_MS);
      try {
        await this.connected.connect();
        this.node ??= await this.connected.wire.coordinator(this.key, this.type);
        const response = await this.connected.wire.send(this.node, call.api, call.request);
        const code = call.errorOf(response);
        if (COORDINATOR_MOVED.has(code)) this.node = undefined;
        else if (code !== KafkaErrorCode.COORDINATOR_LOAD_IN_PROGRESS && !call.retryOn?.has(code)) return response;
        failure = kafkaError(code, `${call.api} for "${this.key}"`);
      } catch (error) {
        if (!(error instanceof LogError) || error.kind !== 'retriable') throw error;
        this.node = undefined;
        failure = error;
        if (isTransportError(error)) backOffMs = UNREACHABLE_BACK_OFF_MS;
      }
      if (this.clock.monotonic() - startedAt + backOffMs > call.deadlineMs) throw failure;
      await delay(this.clock, backOffMs, this.closing.signal);
      if (isTransportError(failure)) await this.connected.wire.refresh().catch(() => undefined);
    }
  }

  close(): void {
    this.closing.abort();
  }
}
