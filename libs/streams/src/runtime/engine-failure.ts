/**
 * The first error that the engines of a task reported since its stores were restored, even if user code swallowed or replaced it. Work that
 * was done after it may rest on a wrong answer, so it is never committed.
 */
export class EngineFailure {
  private error: unknown;

  /** Undefined while the engines are sound. Hot path (bench `process`): read once per record. */
  get current(): unknown {
    return this.error;
  }

  met(error: unknown): void {
    this.error ??= error;
  }

  /** Called once the stores are sound again. */
  clear(): void {
    this.error = undefined;
  }

  /** @throws the error, if there is one. */
  check(): void {
    if (this.error !== undefined) throw this.error;
  }
}
