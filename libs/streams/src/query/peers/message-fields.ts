type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads members of a message of another instance and throws an Error that names the first one of the wrong type.
 * The sender may run another release, or may be anybody who holds the secret.
 */
export class MessageFields {
  private constructor(
    private readonly fields: Fields,
    private readonly path: string,
  ) {}

  static of(value: unknown, path: string): MessageFields {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new MalformedMessageError(path, 'an object');
    return new MessageFields(value as Fields, path);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  object(name: string): MessageFields {
    return MessageFields.of(this.get(name), this.pathOf(name));
  }

  text(name: string): string {
    const value = this.get(name);
    if (typeof value !== 'string') throw new MalformedMessageError(this.pathOf(name), 'text');
    return value;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = allowed.find((each) => each === this.get(name));
    if (value === undefined) throw new MalformedMessageError(this.pathOf(name), `one of ${allowed.join(', ')}`);
    return value;
  }

  flag(name: string): boolean {
    const value = this.get(name);
    if (typeof value !== 'boolean') throw new MalformedMessageError(this.pathOf(name), 'true or false');
    return value;
  }

  /** An integer of 0 or more. */
  count(name: string): number {
    const value = this.get(name);
    if (!Number.isSafeInteger(value) || (value as number) < 0)
      throw new MalformedMessageError(this.pathOf(name), 'an integer of 0 or more');
    return value as number;
  }

  integer(name: string): number {
    const value = this.get(name);
    if (!Number.isSafeInteger(value)) throw new MalformedMessageError(this.pathOf(name), 'an integer');
    return value as number;
  }

  /** Milliseconds of 0 or more. JSON writes an infinity as null. */
  milliseconds(name: string): number {
    const value = this.get(name);
    if (value === null) return Infinity;
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
      throw new MalformedMessageError(this.pathOf(name), 'a number of 0 or more');
    return value;
  }

  list(name: string): readonly unknown[] {
    const value = this.get(name);
    if (!Array.isArray(value)) throw new MalformedMessageError(this.pathOf(name), 'a list');
    return value;
  }

  objects(name: string): MessageFields[] {
    return this.list(name).map((value, n) => MessageFields.of(value, `${this.pathOf(name)}[${n}]`));
  }

  texts(name: string): string[] {
    return this.list(name).map((value, n) => {
      if (typeof value !== 'string') throw new MalformedMessageError(`${this.pathOf(name)}[${n}]`, 'text');
      return value;
    });
  }

  names(): string[] {
    return Object.keys(this.fields);
  }

  /** As JSON has it. */
  get(name: string): unknown {
    return Object.hasOwn(this.fields, name) ? this.fields[name] : undefined;
  }

  private pathOf(name: string): string {
    return `${this.path}.${name}`;
  }
}

export class MalformedMessageError extends Error {
  override readonly name = 'MalformedMessageError';

  constructor(path: string, expected: string) {
    super(`The message of the other instance is malformed: ${path} must be ${expected}.`);
  }
}
