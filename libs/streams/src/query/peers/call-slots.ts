/** A call that has a place, or waits for one. */
export interface CallSlot {
  readonly origin: string;
  readonly begin: () => void;
  hasBegun: boolean;
}

interface Line {
  running: number;
  readonly waiting: CallSlot[];
}

/** Lets so many calls to each origin run at a time; the others wait in order. */
export class CallSlots {
  private readonly lines = new Map<string, Line>();

  constructor(private readonly max: number) {}

  /** @param begin called at once where there is room, and otherwise when another call leaves. */
  enter(origin: string, begin: () => void): CallSlot {
    let line = this.lines.get(origin);
    if (line === undefined) this.lines.set(origin, (line = { running: 0, waiting: [] }));
    const slot = { origin, begin, hasBegun: false };
    if (line.running < this.max) start(line, slot);
    else line.waiting.push(slot);
    return slot;
  }

  /** Every slot is left once, whether its call has begun or not. */
  leave(slot: CallSlot): void {
    const line = this.lines.get(slot.origin)!;
    if (!slot.hasBegun) {
      line.waiting.splice(line.waiting.indexOf(slot), 1);
      return;
    }
    line.running--;
    const next = line.waiting.shift();
    if (next !== undefined) start(line, next);
    else if (line.running === 0) this.lines.delete(slot.origin);
  }
}

function start(line: Line, slot: CallSlot): void {
  slot.hasBegun = true;
  line.running++;
  slot.begin();
}
