import { QueryError } from '../../problem/query-error.js';
import { ClientCounts } from './client-counts.js';
import { overloaded } from './overloaded.js';

interface Queued {
  readonly client: string;
  readonly isGone: () => boolean;
  readonly enter: () => void;
  readonly drop: (error: QueryError) => void;
}

/** Lets so many requests in at a time, of one client at most half of them; others are queued, and clients take turns. */
export class RequestGate {
  private readonly running = new ClientCounts();
  private queue: Queued[] = [];
  private readonly maxPerClient: number;

  constructor(
    private readonly what: string,
    private readonly max: number,
    private readonly maxQueued: number,
  ) {
    this.maxPerClient = Math.ceil(max / 2);
  }

  /**
   * @param isGone whether nobody waits for the answer any more.
   * @returns undefined if the request may go on at once. @throws QueryError `overloaded`
   */
  enter(client: string, isGone: () => boolean): Promise<void> | undefined {
    if (this.running.total < this.max && this.mayRun(client)) {
      this.running.add(client);
      return undefined;
    }
    if (this.queue.length >= this.maxQueued) this.dropGone();
    if (this.queue.length >= this.maxQueued) this.makeRoomFor(client);
    return new Promise((enter, drop) => void this.queue.push({ client, isGone, enter, drop }));
  }

  leave(client: string): void {
    this.running.remove(client);
    this.dropGone();
    const next = this.takeNext();
    if (next === undefined) return;
    this.running.add(next.client);
    next.enter();
  }

  private mayRun(client: string): boolean {
    return this.running.of(client) < this.maxPerClient;
  }

  /** The first of the client that has the fewest requests running. */
  private takeNext(): Queued | undefined {
    let best: number | undefined;
    let fewest = this.maxPerClient;
    for (let i = 0; i < this.queue.length; i++) {
      const running = this.running.of(this.queue[i].client);
      if (running < fewest) [best, fewest] = [i, running];
    }
    return best === undefined ? undefined : this.queue.splice(best, 1)[0];
  }

  /** Refuses the latest request of the client with the most queued, which may be the one that comes. @throws QueryError `overloaded` */
  private makeRoomFor(client: string): void {
    const queued = new ClientCounts();
    for (const each of this.queue) queued.add(each.client);
    const heaviest = queued.heaviest();
    if (heaviest === undefined || queued.of(heaviest) <= queued.of(client) + 1) throw overloaded(this.what);
    const [dropped] = this.queue.splice(
      this.queue.findLastIndex((each) => each.client === heaviest),
      1,
    );
    dropped.drop(overloaded(this.what));
  }

  /** Those whose clients have gone are not answered. */
  private dropGone(): void {
    if (this.queue.length === 0) return;
    const queue = this.queue.filter((each) => !each.isGone());
    for (const each of this.queue) if (each.isGone()) each.drop(overloaded(this.what));
    this.queue = queue;
  }
}
