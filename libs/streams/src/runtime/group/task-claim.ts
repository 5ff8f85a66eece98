const NONE = -1;

/** Whether, and since which generation, this instance holds its tasks without a break in its membership. */
export class TaskClaim {
  /** -1 without a claim. */
  generation = NONE;
  /** Of the group, as of the last assignment. */
  members = 0;

  hold(generation: number, members: number): void {
    this.generation = generation;
    this.members = members;
  }

  drop(): void {
    this.generation = NONE;
  }

  get isHeld(): boolean {
    return this.generation !== NONE;
  }
}
