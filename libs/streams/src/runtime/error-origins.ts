const MAX_CAUSES = 10;

/**
 * Remembers where errors arose. Their class cannot tell: a handler's own producer throws the same `LogError` as the producer of the instance.
 *
 * The doors of the runtime (producer, engine) and those of user code (hook, serde) mark what passes them.
 */
export class ErrorOrigins {
  private readonly ofRuntime = new WeakSet<object>();
  private readonly ofUserCode = new WeakSet<object>();

  /** Marks an error of the instance's own producer or of an engine. @returns the error. */
  fromRuntime<E>(error: E): E {
    if (isObject(error)) this.ofRuntime.add(error);
    return error;
  }

  /** Marks what a hook or a serde threw, unless it passes on an error of the runtime. @returns the error that counts. */
  fromUserCode(error: unknown): unknown {
    const passedOn = this.runtimeErrorIn(error);
    if (passedOn !== undefined) return passedOn;
    if (isObject(error)) this.ofUserCode.add(error);
    return error;
  }

  /** Returns the error of the runtime that `error` is or names as its cause; undefined if there is none. */
  runtimeErrorIn(error: unknown): unknown {
    let each = error;
    for (let depth = 0; depth < MAX_CAUSES && isObject(each); depth++) {
      if (this.ofRuntime.has(each)) return each;
      each = (each as { readonly cause?: unknown }).cause;
    }
    return undefined;
  }

  isOfUserCode(error: unknown): boolean {
    return isObject(error) && this.ofUserCode.has(error);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
