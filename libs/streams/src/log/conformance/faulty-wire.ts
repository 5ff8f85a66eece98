import { LogError } from '../../errors/log-error.js';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/messages.js';
import type { Wire } from '../wire.js';

/** What goes wrong with the next requests of a kind; shared by all wires of one log. */
export class WireFaults {
  private readonly lost = new Map<ApiName, number>();
  private readonly answers = new Map<ApiName, unknown[]>();
  private readonly sent = new Map<ApiName, number>();

  /** The next `count` requests reach the broker, and their answers are lost. */
  loseAnswers(api: ApiName, count: number): void {
    this.lost.set(api, count);
  }

  /** The next request is not sent, and answered with this. */
  answerNext<A extends ApiName>(api: A, answer: (request: RequestOf<A>) => ResponseOf<A>): void {
    this.answers.set(api, [...(this.answers.get(api) ?? []), answer]);
  }

  count(api: ApiName): number {
    return this.sent.get(api) ?? 0;
  }

  async around<A extends ApiName>(
    api: A,
    request: RequestOf<A>,
    send: () => Promise<ResponseOf<A>>,
  ): Promise<ResponseOf<A>> {
    this.sent.set(api, this.count(api) + 1);
    const answer = this.answers.get(api)?.shift() as ((request: RequestOf<A>) => ResponseOf<A>) | undefined;
    if (answer !== undefined) return answer(request);
    const response = await send();
    const left = this.lost.get(api) ?? 0;
    if (left === 0) return response;
    this.lost.set(api, left - 1);
    throw new LogError('retriable', 'LOG_CONNECTION', `The answer to ${api} was lost by the test.`);
  }
}

/** `wire` with faults in its requests. */
export function faultyWire(wire: Wire, faults: WireFaults): Wire {
  return {
    connect: () => wire.connect(),
    close: () => wire.close(),
    track: (topics) => wire.track(topics),
    refresh: () => wire.refresh(),
    partitions: (topic) => wire.partitions(topic),
    leaderOf: (topic, partition) => wire.leaderOf(topic, partition),
    anyNode: () => wire.anyNode(),
    controller: () => wire.controller(),
    coordinator: (key, type) => wire.coordinator(key, type),
    send: (node, api, request, timeoutMs) =>
      faults.around(api, request, () => wire.send(node, api, request, timeoutMs)),
  };
}
