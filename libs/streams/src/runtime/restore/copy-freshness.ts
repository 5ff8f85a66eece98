/** How far a copy is behind its changelog, as last measured. */
export interface CopyFreshness {
  /** Records that it lacks; undefined before the first look. */
  readonly lag: number | undefined;
  /** Everything that was committed so long ago is in the copy; undefined before it first caught up. */
  readonly stalenessMs: number | undefined;
}

interface Look {
  readonly end: number;
  readonly at: number;
}

const MAX_LOOKS = 16;

/** Concludes from the ends of a changelog, looked at now and then, how old the state of its copy is. */
export class CopyLag {
  private readonly looks: Look[] = [];
  private freshAt: number | undefined;

  /** @param end of the changelog at a moment not before `at`. */
  look(end: number, at: number): void {
    this.looks.push({ end, at });
    if (this.looks.length > MAX_LOOKS) this.looks.shift();
  }

  /** @param position of the copy at `now`. */
  of(position: number, now: number): CopyFreshness {
    while (this.looks.length > 0 && this.looks[0].end <= position) {
      this.freshAt = this.looks[0].at;
      if (this.looks.length === 1) return { lag: 0, stalenessMs: now - this.freshAt };
      this.looks.shift();
    }
    const last = this.looks.at(-1);
    return {
      lag: last && last.end - position,
      stalenessMs: this.freshAt === undefined ? undefined : now - this.freshAt,
    };
  }
}
