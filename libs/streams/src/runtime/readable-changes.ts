/** Receives the partition whose reads may answer otherwise than before; undefined: any partition. */
export type ReadableListener = (partition: number | undefined) => void;

/** Tells queries that wait that what they read may have changed: data, roles, owners, or the age of what is held. */
export class ReadableChanges {
  private readonly listeners = new Set<ReadableListener>();

  /** @returns a function that removes the listener. */
  onChange(listener: ReadableListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed(partition?: number): void {
    for (const listener of this.listeners) listener(partition);
  }
}
