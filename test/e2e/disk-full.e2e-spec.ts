import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { RocksDbError } from '../../libs/streams/src/stores/engines/rocksdb/rocksdb-error.js';
import { rocksDbEngine } from '../../libs/streams/src/stores/engines/rocksdb/rocksdb-engine-factory.js';
import { latest, model, produce, storeContent, transactions, type Transaction } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

/** A file system of its own, of a few megabytes; undefined where this user may not mount one. */
function smallDisk(): { readonly folder: string; grow(): void; remove(): void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'streams-disk-'));
  const run = (command: string, ...args: string[]): void => {
    execFileSync(command, args, { stdio: 'ignore' });
  };
  try {
    run('mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder);
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  return {
    folder,
    grow: () => run('mount', '-o', 'remount,size=256m', folder),
    remove: () => {
      run('umount', folder);
      rmSync(folder, { recursive: true });
    },
  };
}

const disk = smallDisk();
const BINDINGS = process.versions.node.startsWith('20.')
  ? (['rocksdb', 'rocksdb-native'] as const)
  : (['rocksdb-native'] as const);

describe('the words of RocksDB for a disk that takes no more', () => {
  it.each([
    'IO error: No space left on device: While appending to file: /state/0_0/rocksdb/balances/MANIFEST-000004',
    'IO error: No space left on device: While open a file for random read: /state/CURRENT.dbtmp',
    'IO error: Disk quota exceeded: While appending to file: /state/000012.sst',
    'IO error: Read-only file system: While mkdir if missing: /state',
  ])('are never taken for damage: %s', (words) => {
    expect(RocksDbError.from('/state', new Error(words)).kind).toBe('full');
  });
});

describe.skipIf(disk === undefined)('a state directory whose disk is full', () => {
  const releases: (() => unknown)[] = [];
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  it.each(BINDINGS)('stops the instance with a clear error, and costs nothing but time (%s)', async (binding) => {
    const { folder, grow, remove } = smallDiskOf();
    releases.push(remove);
    const bank = await EmbeddedBank.open(2);
    releases.push(() => bank.close());
    const options = { stateDir: folder, engines: [rocksDbEngine({ binding })] };
    const instance = await bank.start(options);
    const input: Transaction[] = [];
    for (let round = 0; instance.state === 'running' && round < 200; round++) {
      const more = transactions(2000, 1_000_000, round * 2000);
      input.push(...more);
      await produce(bank.log, bank.topics.input, bank.partitions, more);
      await expect
        .poll(() => instance.state === 'failed' || instance.sourceLag().every(({ lag }) => lag === 0), {
          timeout: 20_000,
        })
        .toBe(true);
    }
    expect(instance.failure).toMatchObject({ code: 'STREAMS_DISK_FULL' });
    await instance.close();
    grow();
    const lines: string[] = [];
    const keep = (message: string): void => void lines.push(message);
    const logger = { debug: keep, info: keep, warn: keep, error: keep };
    const again = await bank.start({ ...options, logger });
    await expect.poll(() => storeContent(again), { timeout: 40_000 }).toEqual(model(input));
    expect(latest(await committedRecords(bank.log, bank.changelog))).toEqual(model(input));
    // Its stores went on from where they were.
    const restored = lines.flatMap((line) => /offsets (\d+) to/.exec(line)?.[1] ?? []);
    for (const start of restored) expect(Number(start)).toBeGreaterThan(0);
  });

  /** The first test takes the disk that told whether there can be one. */
  let spare = disk;
  function smallDiskOf(): NonNullable<typeof disk> {
    const taken = spare ?? smallDisk()!;
    spare = undefined;
    return taken;
  }
});
