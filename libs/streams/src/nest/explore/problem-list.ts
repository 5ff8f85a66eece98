/** Collects what is wrong, so that a start can name all of it at once. */
export class ProblemList {
  readonly all: string[] = [];

  /** Adds those that are not there yet. */
  add(...problems: readonly string[]): void {
    for (const problem of problems) if (!this.all.includes(problem)) this.all.push(problem);
  }

  /** @returns undefined if `action` threw; its message is kept under `label`, or its own list of problems. */
  attempt<T>(label: string, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      const { problems } = error as { problems?: unknown };
      if (Array.isArray(problems)) this.add(...(problems as string[]));
      else this.add(`${label}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }
}
