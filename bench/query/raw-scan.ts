// A scan of one local store written by hand: iterates RocksDB and writes each entry as a line of JSON; prints entries a second.
import { createRequire } from 'node:module';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { balanceAt, keyAt } from './entries.js';

const [directory, count] = process.argv.slice(2) as [string, string];

interface Iterator {
  next(done: (error: Error | undefined, key?: Buffer, value?: Buffer) => void): void;
  end(done: (error?: Error) => void): void;
}
interface Db {
  open(done: (error?: Error) => void): void;
  batch(operations: readonly object[], done: (error?: Error) => void): void;
  iterator(options: object): Iterator;
}

const db = (createRequire(import.meta.url)('rocksdb') as (directory: string) => Db)(directory);
await promisify(db.open.bind(db) as (done: (error?: Error) => void) => void)();
const entries = Number(count);
await promisify(db.batch.bind(db) as (operations: readonly object[], done: (error?: Error) => void) => void)(
  Array.from({ length: entries }, (_, i) => ({ type: 'put', key: keyAt(i), value: balanceAt(i) })),
);

/** The callback form, which is the fastest that the package has. */
function scan(): Promise<number> {
  const iterator = db.iterator({});
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const next = (error?: Error, key?: Buffer, value?: Buffer): void => {
      if (error) return reject(error);
      if (key === undefined || value === undefined) return iterator.end(() => resolve(bytes));
      bytes += `${JSON.stringify({ key: key.toString(), value: JSON.parse(value.toString()) as unknown })}\n`.length;
      iterator.next(next);
    };
    iterator.next(next);
  });
}

await scan();
const startedAt = performance.now();
await scan();
process.stdout.write(`${JSON.stringify({ perSecond: entries / ((performance.now() - startedAt) / 1000) })}\n`);
rmSync(directory, { recursive: true, force: true });
