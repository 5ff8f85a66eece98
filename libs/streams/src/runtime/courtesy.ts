import type { Clock } from '../time/clock.js';
import { yieldToEventLoop } from './restore/yield-to-event-loop.js';

/** While somebody waits for an answer, which takes several turns of the event loop. */
const ASKED_SLICE_MS = 1;
/** Queries come in company: slices stay short for so long after one. */
const REMEMBERED_MS = 50;
/** Work stands back for no longer than this after a slice, so that slow reads leave it a third of the time. */
const LONGEST_STAND_BACK_MS = 2;

/**
 * How long work goes on before I/O and timers have their turn, and whether it then stands back: where reads of queries are under way, it lets them
 * come to their end first (bench `query`, beside processing).
 */
export class Courtesy {
  /** Reads so far, and how many of them have ended. */
  private begun = 0;
  private ended = 0;
  private rememberedUntil = -Infinity;
  private readonly standingBack = new Set<() => void>();

  constructor(
    private readonly longestMs: number,
    private readonly clock: Clock,
  ) {}

  get sliceMs(): number {
    const isAsked = this.isAsked || this.clock.monotonic() < this.rememberedUntil;
    return isAsked ? Math.min(ASKED_SLICE_MS, this.longestMs) : this.longestMs;
  }

  /** A query reads here; `end` follows, and soon: what waits for something else than this event loop is not meant. */
  begin(): void {
    this.begun++;
  }

  end(): void {
    this.rememberedUntil = this.clock.monotonic() + REMEMBERED_MS;
    this.ended++;
    for (const reconsider of this.standingBack) reconsider();
  }

  /** A turn of the event loop for others, and for the reads under way. */
  async pause(): Promise<void> {
    await yieldToEventLoop();
    if (!this.isAsked) return;
    await this.standBack();
    // What was read is sent first.
    await yieldToEventLoop();
  }

  private get isAsked(): boolean {
    return this.ended < this.begun;
  }

  /** Waits for as many reads as are under way, not for those that come meanwhile: reads without end would let it never go on. */
  private standBack(): Promise<void> {
    const until = this.begun;
    return new Promise((resolve) => {
      const goOn = (): void => {
        cancel();
        this.standingBack.delete(reconsider);
        resolve();
      };
      const reconsider = (): void => {
        if (this.ended >= until) goOn();
      };
      const cancel = this.clock.schedule(LONGEST_STAND_BACK_MS, goOn);
      this.standingBack.add(reconsider);
    });
  }
}
