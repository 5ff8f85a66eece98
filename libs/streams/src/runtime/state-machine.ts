import { IllegalTransitionError } from '../errors/illegal-transition-error.js';

export type StateListener<S extends string> = (state: S, previous: S) => void;

/** One state out of a table of legal steps; the only door to change it is `transition`. */
export class StateMachine<S extends string> {
  private current: S;
  private readonly listeners = new Set<StateListener<S>>();

  /** @param name says whose state it is, for errors: `Task 0_3`. */
  constructor(
    private readonly name: string,
    private readonly transitions: Readonly<Record<S, readonly S[]>>,
    initial: S,
  ) {
    this.current = initial;
  }

  get state(): S {
    return this.current;
  }

  is(...states: readonly S[]): boolean {
    return states.includes(this.current);
  }

  can(to: S): boolean {
    return this.transitions[this.current].includes(to);
  }

  /**
   * Goes to `to` and tells the listeners in order. What a listener throws reaches the caller after all were told.
   * @throws IllegalTransitionError if the table has no such step.
   */
  transition(to: S): void {
    const previous = this.current;
    if (!this.can(to)) throw new IllegalTransitionError(this.name, previous, to);
    this.current = to;
    const failures: unknown[] = [];
    for (const listener of Array.from(this.listeners)) {
      try {
        listener(to, previous);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, `${failures.length} listeners of ${this.name} failed`);
  }

  /** @returns a function that removes the listener. */
  onTransition(listener: StateListener<S>): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Settles with the first of `states` that is, or becomes, current; rejects when `refuse` answers an error for a state on the way, or
   * when `signal` aborts.
   */
  waitFor(
    states: readonly S[],
    options: { readonly refuse?: (state: S) => Error | undefined; readonly signal?: AbortSignal } = {},
  ): Promise<S> {
    return new Promise((resolve, reject) => {
      const check = (): boolean => {
        const refusal = options.refuse?.(this.current);
        if (states.includes(this.current)) resolve(this.current);
        else if (refusal) reject(refusal);
        else if (options.signal?.aborted) reject(options.signal.reason as Error);
        else return false;
        remove();
        options.signal?.removeEventListener('abort', check);
        return true;
      };
      const remove = this.onTransition(check);
      if (!check()) options.signal?.addEventListener('abort', check, { once: true });
    });
  }
}
