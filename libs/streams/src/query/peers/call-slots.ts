/** A call that has a place, or waits for one. */
export interface CallSlot {
  readonly origin: string;
  /** Who asked for the call; undefined: this application itself. */
  readonly client: string | undefined;
  readonly begin: () => void;
  hasBegun: boolean;
}

/** The calls of one client to one origin. */
interface ClientLine {
  running: number;
  readonly waiting: CallSlot[];
}

interface Line {
  running: number;
  waiting: number;
  readonly clients: Map<string | undefined, ClientLine>;
}

export interface CallSlotLimits {
  /** Calls to one origin that run at a time. */
  readonly max: number;
  /** Of them, for one client. */
  readonly maxPerClient: number;
  /** Calls that wait for a place. */
  readonly maxWaiting: number;
  /** Of them, for one client. */
  readonly maxWaitingPerClient: number;
}

/** Lets so many calls to each origin run at a time; the others wait, in order for each client, and clients take turns. */
export class CallSlots {
  private readonly lines = new Map<string, Line>();

  constructor(private readonly limits: CallSlotLimits) {}

  /**
   * @param begin called at once where there is room, and otherwise when another call leaves.
   * @returns undefined if too many wait already.
   */
  enter(origin: string, client: string | undefined, begin: () => void): CallSlot | undefined {
    let line = this.lines.get(origin);
    if (line === undefined) this.lines.set(origin, (line = { running: 0, waiting: 0, clients: new Map() }));
    let own = line.clients.get(client);
    if (own === undefined) line.clients.set(client, (own = { running: 0, waiting: [] }));
    const slot = { origin, client, begin, hasBegun: false };
    if (line.running < this.limits.max && this.mayRun(client, own)) {
      start(line, own, slot);
      return slot;
    }
    const { maxWaiting, maxWaitingPerClient } = this.limits;
    if (line.waiting >= maxWaiting || (client !== undefined && own.waiting.length >= maxWaitingPerClient)) {
      forgetIdle(line, client, own);
      return undefined;
    }
    own.waiting.push(slot);
    line.waiting++;
    return slot;
  }

  /** Every slot is left once, whether its call has begun or not. */
  leave(slot: CallSlot): void {
    const line = this.lines.get(slot.origin)!;
    const own = line.clients.get(slot.client)!;
    if (slot.hasBegun) {
      line.running--;
      own.running--;
      this.startNext(line);
    } else {
      own.waiting.splice(own.waiting.indexOf(slot), 1);
      line.waiting--;
    }
    forgetIdle(line, slot.client, own);
    if (line.clients.size === 0) this.lines.delete(slot.origin);
  }

  /** The first call of the client with the fewest calls under way. */
  private startNext(line: Line): void {
    let next: ClientLine | undefined;
    for (const [client, each] of line.clients)
      if (each.waiting.length > 0 && this.mayRun(client, each) && (next === undefined || each.running < next.running))
        next = each;
    const slot = next?.waiting.shift();
    if (next === undefined || slot === undefined) return;
    line.waiting--;
    start(line, next, slot);
  }

  private mayRun(client: string | undefined, { running }: ClientLine): boolean {
    return client === undefined || running < this.limits.maxPerClient;
  }
}

function start(line: Line, own: ClientLine, slot: CallSlot): void {
  slot.hasBegun = true;
  line.running++;
  own.running++;
  slot.begin();
}

function forgetIdle(line: Line, client: string | undefined, { running, waiting }: ClientLine): void {
  if (running === 0 && waiting.length === 0) line.clients.delete(client);
}
