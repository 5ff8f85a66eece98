import { LogError } from '../../errors/log-error.js';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/messages.js';
import type { Wire } from '../wire.js';

/** A request that waits for the test to answer it. */
export interface ParkedRequest<A extends ApiName = ApiName> {
  readonly api: A;
  readonly request: RequestOf<A>;
  /** Counts the wires from 0 in the order of their opening. */
  readonly wire: number;
  answer(response: ResponseOf<A>): void;
}

/** Answers every request of a kind at once; undefined parks it. */
export type Script<A extends ApiName> = (request: RequestOf<A>, wire: number) => ResponseOf<A> | undefined;

/** A broker that says what the test tells it to. Requests for which it has no script are parked until the test answers, or their wire closes. */
export class ScriptedBroker {
  /** In the order of arrival, answered ones included. */
  readonly received: { readonly api: ApiName; readonly request: RequestOf<ApiName>; readonly wire: number }[] = [];
  openWires = 0;
  private readonly scripts = new Map<ApiName, Script<ApiName>>();
  private readonly parkedRequests = new Set<ParkedRequest>();
  private wires = 0;

  script<A extends ApiName>(api: A, script: Script<A>): this {
    this.scripts.set(api, script as unknown as Script<ApiName>);
    return this;
  }

  count(api: ApiName): number {
    return this.received.filter((each) => each.api === api).length;
  }

  /** @throws Error unless exactly one request of this kind is parked. */
  parked<A extends ApiName>(api: A): ParkedRequest<A> {
    const found = [...this.parkedRequests].filter((each) => each.api === api);
    if (found.length !== 1) throw new Error(`${found.length} requests of ${api} are parked, not one.`);
    return found[0] as unknown as ParkedRequest<A>;
  }

  readonly openWire = (): Wire => {
    const wire = this.wires++;
    const pending = new Set<(error: LogError) => void>();
    let isClosed = false;
    this.openWires++;
    const lost = (): LogError => new LogError('retriable', 'LOG_CONNECTION', `Wire ${wire} is closed.`);
    return {
      connect: () => (isClosed ? Promise.reject(lost()) : Promise.resolve()),
      close: async () => {
        if (!isClosed) this.openWires--;
        isClosed = true;
        for (const reject of pending) reject(lost());
      },
      track: async () => {},
      refresh: async () => {},
      partitions: () => [],
      leaderOf: () => undefined,
      anyNode: () => 0,
      controller: () => 0,
      coordinator: () => (isClosed ? Promise.reject(lost()) : Promise.resolve(0)),
      send: <A extends ApiName>(_node: number, api: A, request: RequestOf<A>): Promise<ResponseOf<A>> =>
        new Promise((resolve, reject) => {
          if (isClosed) return reject(lost());
          this.received.push({ api, request, wire });
          const answer = this.scripts.get(api)?.(request, wire) as ResponseOf<A> | undefined;
          if (answer !== undefined) return resolve(answer);
          const settle = (): void => {
            pending.delete(fail);
            this.parkedRequests.delete(parked as unknown as ParkedRequest);
          };
          const fail = (error: LogError): void => {
            settle();
            reject(error);
          };
          const parked: ParkedRequest<A> = {
            api,
            request,
            wire,
            answer: (response) => {
              settle();
              resolve(response);
            },
          };
          pending.add(fail);
          this.parkedRequests.add(parked as unknown as ParkedRequest);
        }),
    };
  };
}
