/** Says whether user code may write to the stores of a task right now. */
export interface WriteGate {
  readonly isOpen: boolean;
  /** Returns the error for a refused `operation`. */
  refusal(operation: string): Error;
}
