import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  ChangelogPosition,
  KeyBounds,
  StoreCursor,
  StoreEngine,
  StoreEngineFactory,
  StoreEntries,
  StoreWrites,
} from '../../libs/streams/src/stores/store-engine.js';

/** An engine as a user may write one: sorted entries in memory, all of them in one JSON file after every batch. */
export class JsonEngine implements StoreEngine {
  private entries = new Map<string, string>();

  constructor(private readonly directory: string) {}

  async open(): Promise<ChangelogPosition | undefined> {
    try {
      const file = JSON.parse(readFileSync(this.path, 'utf8')) as { position: number; entries: [string, string][] };
      this.entries = new Map(file.entries);
      return file.position;
    } catch {
      return undefined;
    }
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return keys.map((key) => {
      const value = this.entries.get(hex(key));
      return value === undefined ? undefined : Buffer.from(value, 'hex');
    });
  }

  async write({ keys, values }: StoreWrites, position: ChangelogPosition): Promise<void> {
    keys.forEach((key, i) => {
      const value = values[i];
      if (value === null) this.entries.delete(hex(key));
      else this.entries.set(hex(key), hex(value));
    });
    mkdirSync(this.directory, { recursive: true });
    // A rename is atomic: after a crash the file is the old one or the new one.
    writeFileSync(`${this.path}.new`, JSON.stringify({ position, entries: [...this.entries] }));
    renameSync(`${this.path}.new`, this.path);
  }

  openCursor({ gte, lt }: KeyBounds, { reverse }: { readonly reverse: boolean }): StoreCursor {
    const within = [...this.entries]
      .filter(([key]) => (gte === undefined || key >= hex(gte)) && (lt === undefined || key < hex(lt)))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (reverse) within.reverse();
    return {
      next: async (limit): Promise<StoreEntries> => {
        const step = within.splice(0, limit);
        return {
          keys: step.map(([key]) => Buffer.from(key, 'hex')),
          values: step.map(([, value]) => Buffer.from(value, 'hex')),
        };
      },
      close: async () => void within.splice(0),
    };
  }

  async approximateEntries(): Promise<number> {
    return this.entries.size;
  }

  async approximateBytes(): Promise<number> {
    return [...this.entries].reduce((sum, [key, value]) => sum + (key.length + value.length) / 2, 0);
  }

  async close(): Promise<void> {
    this.entries = new Map();
  }

  async destroy(): Promise<void> {
    this.entries = new Map();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private get path(): string {
    return join(this.directory, 'store.json');
  }
}

export function jsonEngine(): StoreEngineFactory {
  return {
    name: 'json-file',
    isPersistent: true,
    prepare: async () => undefined,
    create: ({ directory }) => new JsonEngine(directory),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
