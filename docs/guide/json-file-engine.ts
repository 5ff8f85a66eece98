import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreEngine, StoreEngineContext, StoreEngineFactory } from 'nestjs-streams';

type Writes = Parameters<StoreEngine['write']>[0];
type Cursor = ReturnType<StoreEngine['openCursor']>;
type Bounds = Parameters<StoreEngine['openCursor']>[0];

/** Keeps each store partition in one JSON file, which every commit writes anew: for small stores, and to show the port. */
export function jsonFileEngine(): StoreEngineFactory {
  return {
    name: 'json-file',
    isPersistent: true,
    prepare: async () => {},
    create: (context) => new JsonFileEngine(context),
  };
}

class JsonFileEngine implements StoreEngine {
  /** Values by key, both in hexadecimal digits, whose order is that of the bytes. */
  private entries = new Map<string, string>();
  private bytes = 0;
  private written: number | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly context: StoreEngineContext) {}

  async open(): Promise<number | undefined> {
    await mkdir(this.context.directory, { recursive: true });
    const text = await readFile(this.file, 'utf8').catch(() => undefined);
    const saved = JSON.parse(text ?? '{"entries":[]}') as { position?: number; entries: [string, string][] };
    this.entries = new Map(saved.entries);
    this.bytes = text?.length ?? 0;
    this.written = saved.position;
    return saved.position;
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return keys.map((key) => bytesOf(this.entries.get(hex(key))));
  }

  /** What it is given is copied at once; files are written one after another, each whole or not at all. */
  write({ keys, values }: Writes, position: number): Promise<void> {
    keys.forEach((key, i) => {
      const value = values[i];
      if (value === null || value === undefined) this.entries.delete(hex(key));
      else this.entries.set(hex(key), hex(value));
    });
    const text = JSON.stringify({ position, entries: [...this.entries] });
    this.bytes = text.length;
    this.written = position;
    this.writing = this.writing.then(async () => {
      await writeFile(`${this.file}.new`, text);
      await rename(`${this.file}.new`, this.file);
    });
    return this.writing;
  }

  openCursor({ gte, lt }: Bounds, { reverse }: { readonly reverse: boolean }): Cursor {
    const from = hex(gte ?? Buffer.of());
    const isWithin = (key: string): boolean => key >= from && (lt === undefined || key < hex(lt));
    const within = [...this.entries].filter(([key]) => isWithin(key));
    const sorted = within.sort(([a], [b]) => (a < b === reverse ? 1 : -1));
    return {
      next: async (limit, maxBytes = Infinity) => {
        let count = 0;
        // Two digits a byte.
        for (let digits = 0; count < Math.min(limit, sorted.length) && digits < 2 * maxBytes; count++)
          digits += sorted[count]![0].length + sorted[count]![1].length;
        const step = sorted.splice(0, count);
        return { keys: step.map(([key]) => bytesOf(key)!), values: step.map(([, value]) => bytesOf(value)!) };
      },
      close: async () => void sorted.splice(0),
    };
  }

  async position(): Promise<number | undefined> {
    return this.written;
  }

  async approximateEntries(): Promise<number> {
    return this.entries.size;
  }

  async approximateBytes(): Promise<number> {
    return this.bytes;
  }

  async close(): Promise<void> {
    await this.writing;
  }

  async destroy(): Promise<void> {
    await this.close();
    await rm(this.context.directory, { recursive: true, force: true });
  }

  private get file(): string {
    return join(this.context.directory, 'entries.json');
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function bytesOf(digits: string | undefined): Buffer | undefined {
  return digits === undefined ? undefined : Buffer.from(digits, 'hex');
}
