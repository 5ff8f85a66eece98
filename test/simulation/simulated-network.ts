import { LogError } from '../../libs/streams/src/errors/log-error.js';
import type { EmbeddedClient } from '../../libs/streams/src/log/embedded/embedded-client.js';
import type { ApiName } from '../../libs/streams/src/log/protocol/messages.js';
import type { Wire, WireFactory } from '../../libs/streams/src/log/wire.js';
import type { Clock } from '../../libs/streams/src/time/clock.js';
import { refusal } from '../support/refusal.js';
import type { SeededRandom } from './seeded-random.js';
import type { SimulationClock } from './simulation-clock.js';

const FASTEST_MS = 1;
const SLOWEST_MS = 5;
const NOTICED_AFTER_MS = 3000;
const ANSWER_TIMEOUT_MS = 10_000;
const COORDINATED: ReadonlySet<ApiName> = new Set<ApiName>([
  'initProducerId',
  'addPartitionsToTxn',
  'addOffsetsToTxn',
  'txnOffsetCommit',
  'endTxn',
  'offsetCommit',
  'heartbeat',
]);
/** A client repeats these itself whenever it has no answer. */
const REPEATABLE: ReadonlySet<ApiName> = new Set<ApiName>([
  'produce',
  'addPartitionsToTxn',
  'addOffsetsToTxn',
  'txnOffsetCommit',
  'endTxn',
  'offsetCommit',
]);

/** What lies between the processes and the broker; every way through it takes a time that the seed decides. */
export class SimulatedNetwork {
  /** Multiplies how long everything takes. */
  slowness = 1;
  isDown = false;
  /** So many of the next answers get lost, one by one; their connections stay. */
  answersToLose = 0;
  /** So many of the next requests that are safe to repeat arrive twice. */
  requestsToRepeat = 0;
  /** What requests to coordinators are answered with; 0: nothing of that kind. */
  coordinatorError = 0;
  /** What produce requests are answered with. */
  leaderError = 0;
  private readonly connections = new Set<() => void>();

  constructor(
    private readonly world: SimulationClock,
    private readonly random: SeededRandom,
  ) {}

  heal(): void {
    this.slowness = 1;
    this.isDown = false;
    this.answersToLose = 0;
    this.requestsToRepeat = 0;
    this.coordinatorError = 0;
    this.leaderError = 0;
  }

  /** Cuts one connection, or all of them. What did not arrive yet is lost, and so are the answers. @returns how many were cut. */
  cut(which: 'one' | 'all'): number {
    const open = [...this.connections];
    const chosen = which === 'all' || open.length === 0 ? open : [this.random.pick(open)];
    for (const cut of chosen) cut();
    return chosen.length;
  }

  /** The wires of one process, with its time. Requests of a connection arrive in order, as with TCP. */
  wires(client: EmbeddedClient, process: Clock): WireFactory {
    return (role) => this.wire(client.wires(role), process);
  }

  private wire(real: Wire, process: Clock): Wire {
    const underWay = new Set<() => void>();
    let connection = 0;
    let lastArrivalMs = 0;
    const cut = (): void => {
      connection++;
      for (const lose of Array.from(underWay)) lose();
    };
    this.connections.add(cut);
    const way = (): number => this.random.between(FASTEST_MS, SLOWEST_MS) * this.slowness;
    const ask = <T>(request: () => Promise<T>): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        const asked = connection;
        const lose = (): void => {
          underWay.delete(lose);
          const delayMs = this.random.chance(0.5) ? 0 : this.random.between(1, NOTICED_AFTER_MS);
          process.schedule(delayMs, () => reject(lost()));
        };
        underWay.add(lose);
        const answer = (settle: () => void): void => {
          if (!underWay.has(lose)) return;
          if (this.answersToLose > 0) {
            this.answersToLose--;
            process.schedule(ANSWER_TIMEOUT_MS, () => underWay.delete(lose) && reject(lost()));
            return;
          }
          process.schedule(way(), () => {
            if (underWay.delete(lose)) settle();
          });
        };
        lastArrivalMs = Math.max(lastArrivalMs, this.world.now() + way());
        this.world.schedule(lastArrivalMs - this.world.now(), () => {
          if (asked !== connection) return;
          if (this.isDown) return lose();
          request().then(
            (response) => answer(() => resolve(response)),
            (error: Error) => answer(() => reject(error)),
          );
        });
      });
    return {
      connect: () => ask(() => real.connect()),
      close: async () => {
        this.connections.delete(cut);
        connection++;
        for (const lose of Array.from(underWay)) lose();
        await real.close();
      },
      track: (topics) => ask(() => real.track(topics)),
      refresh: () => ask(() => real.refresh()),
      partitions: (topic) => real.partitions(topic),
      leaderOf: (topic, partition) => real.leaderOf(topic, partition),
      anyNode: () => real.anyNode(),
      controller: () => real.controller(),
      coordinator: (key, type) => ask(() => real.coordinator(key, type)),
      send: (node, api, request, timeoutMs) =>
        ask(() => this.arrive(api, request, () => real.send(node, api, request, timeoutMs))),
    };
  }

  private async arrive<T>(api: ApiName, request: object, carryOut: () => Promise<T>): Promise<T> {
    const error = api === 'produce' ? this.leaderError : COORDINATED.has(api) ? this.coordinatorError : 0;
    if (error !== 0) return refusal(request, error) as T;
    if (this.requestsToRepeat > 0 && REPEATABLE.has(api)) {
      this.requestsToRepeat--;
      await carryOut();
    }
    return carryOut();
  }
}

function lost(): LogError {
  return new LogError('retriable', 'LOG_CONNECTION', 'The simulated connection is gone.');
}
