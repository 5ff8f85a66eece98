/** While somebody waits for an answer, which takes several turns of the event loop. */
const ASKED_SLICE_MS = 1;

/** How long work goes on before I/O and timers have their turn: shorter while queries are under way (bench `query`, highest rate). */
export class Courtesy {
  private asked = 0;

  constructor(private readonly longestMs: number) {}

  get sliceMs(): number {
    return this.asked > 0 ? Math.min(ASKED_SLICE_MS, this.longestMs) : this.longestMs;
  }

  /** A query has come; `end` follows. */
  begin(): void {
    this.asked++;
  }

  end(): void {
    this.asked--;
  }
}
