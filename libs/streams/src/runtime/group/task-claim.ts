const NONE = -1;

/** Whether, and since which generation, this instance holds its tasks without a break in its membership. */
export class TaskClaim {
  /** -1 without a claim. */
  generation = NONE;
  /** Of the group, as of the last assignment. */
  members = 0;

  /** Tasks are to move once copies of them are ready. */
  isWarmingUp = false;

  hold(generation: number, members: number, isWarmingUp: boolean): void {
    this.generation = generation;
    this.isWarmingUp = isWarmingUp;
    this.members = members;
  }

  drop(): void {
    this.generation = NONE;
  }

  get isHeld(): boolean {
    return this.generation !== NONE;
  }
}
