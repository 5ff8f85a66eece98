import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { rocksDbEngine } from '../../libs/streams/src/stores/engines/rocksdb/rocksdb-engine-factory.js';
import { model, produce, quiet, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

const BINDINGS = process.versions.node.startsWith('20.')
  ? (['rocksdb', 'rocksdb-native'] as const)
  : (['rocksdb-native'] as const);
const DAMAGED = '0_1';
const input = transactions(4000, 2000);

/** The file whose name ends or begins so; the newest of several. */
function fileOf(folder: string, name: RegExp): string {
  const found = readdirSync(folder).filter((each) => name.test(each));
  expect(found, `${String(name)} in ${folder}`).not.toEqual([]);
  return join(folder, found.toSorted().at(-1)!);
}

function truncated(name: RegExp): (folder: string) => void {
  return (folder) => {
    const file = fileOf(folder, name);
    truncateSync(file, Math.floor(readFileSync(file).length / 2));
  };
}

function flipped(name: RegExp): (folder: string) => void {
  return (folder) => {
    const file = fileOf(folder, name);
    const bytes = readFileSync(file);
    bytes[Math.floor(bytes.length / 3)]! ^= 1;
    writeFileSync(file, bytes);
  };
}

const onStart: readonly (readonly [string, (folder: string) => void])[] = [
  ['a truncated table', truncated(/\.sst$/)],
  ['a truncated manifest', truncated(/^MANIFEST/)],
  ['a flipped bit in the manifest', flipped(/^MANIFEST/)],
  ['a flipped bit in the write-ahead log', flipped(/\.log$/)],
  ['an empty CURRENT', (folder) => writeFileSync(join(folder, 'CURRENT'), '')],
  ['a missing table', (folder) => rmSync(fileOf(folder, /\.sst$/))],
];

describe.each(BINDINGS)('a state directory (%s)', (binding) => {
  const banks: EmbeddedBank[] = [];
  afterEach(async () => {
    for (const bank of banks.splice(0)) await bank.close();
  });

  /** A bank that was stopped with tables and a write-ahead log in each store, and how to start it again. */
  const stopped = async (): Promise<{
    readonly bank: EmbeddedBank;
    readonly stateDir: string;
    readonly store: string;
    readonly restored: Map<string, number>;
    readonly errors: string[];
    start(): Promise<StreamsInstance>;
  }> => {
    const bank = await EmbeddedBank.open();
    banks.push(bank);
    const stateDir = bank.folder();
    const restored = new Map<string, number>();
    const errors: string[] = [];
    const options: BankOptions = {
      stateDir,
      engines: [rocksDbEngine({ binding })],
      logger: { ...quiet, error: (message) => void errors.push(message) },
      lifecycle: { onRestoreProgress: ({ taskId, restoredRecords }) => void restored.set(taskId, restoredRecords) },
    };
    const half = input.length / 2;
    for (const part of [input.slice(0, half), input.slice(half)]) {
      const instance = await bank.start(options);
      await produce(bank.log, bank.topics.input, bank.partitions, part);
      await expect
        .poll(() => storeContent(instance), { timeout: 20_000 })
        .toEqual(model(part === input ? input : input.slice(0, part[0] === input[0] ? half : input.length)));
      await instance.close();
    }
    const store = join(stateDir, 'bank', DAMAGED, 'rocksdb', 'balances');
    return { bank, stateDir, store, restored, errors, start: () => bank.start(options) };
  };

  const expectOnlyThat = async (
    instance: StreamsInstance,
    { restored, errors }: { readonly restored: ReadonlyMap<string, number>; readonly errors: readonly string[] },
  ): Promise<void> => {
    expect(await storeContent(instance)).toEqual(model(input));
    expect(errors).toEqual([expect.stringContaining(`Store "balances" of task ${DAMAGED} is damaged`)]);
    expect(restored.get(DAMAGED)).toBeGreaterThan(100);
    for (const [task, records] of restored) if (task !== DAMAGED) expect([task, records]).toEqual([task, 0]);
  };

  it.each(onStart)('with %s loses nothing: only that store is wiped and restored', async (_, damage) => {
    const state = await stopped();
    damage(state.store);
    await expectOnlyThat(await state.start(), state);
  });

  it('with a truncated write-ahead log goes on from what is left, and restores the difference', async () => {
    const state = await stopped();
    truncated(/\.log$/)(state.store);
    const instance = await state.start();
    expect(await storeContent(instance)).toEqual(model(input));
    expect(state.errors).toEqual([]);
    expect(state.restored.get(DAMAGED)).toBeGreaterThan(0);
  });

  it.each(['the folder of a store', 'the folder of a task'])('without %s restores that one', async (what) => {
    const state = await stopped();
    rmSync(what === 'the folder of a task' ? join(state.store, '../..') : state.store, { recursive: true });
    const instance = await state.start();
    expect(await storeContent(instance)).toEqual(model(input));
    expect(state.restored.get(DAMAGED)).toBeGreaterThan(100);
    expect(Math.max(...[...state.restored].map(([task, records]) => (task === DAMAGED ? 0 : records)))).toBe(0);
  });

  it('with a flipped bit that only a read meets loses nothing either, whoever reads it first', async () => {
    const state = await stopped();
    // The next start makes a table of the log, with the values of now.
    await (await state.start()).close();
    flipped(/\.sst$/)(state.store);
    const instance = await state.start();
    await expect.poll(() => storeContent(instance).catch(() => undefined), { timeout: 20_000 }).toEqual(model(input));
    await expectOnlyThat(instance, state);
  });

  it('with damaged copies of standbys follows those anew, and they take over with the right content', async () => {
    const bank = await EmbeddedBank.open();
    banks.push(bank);
    const errors: string[] = [];
    const logger = { ...quiet, error: (message: string) => void errors.push(message) };
    const options: BankOptions = { engines: [rocksDbEngine({ binding })], logger };
    const survivor = { ...options, stateDir: bank.folder() };
    const other = await bank.start(options);
    const first = await bank.start(survivor);
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    const halves = async (instance: StreamsInstance): Promise<Map<string, unknown>> =>
      new Map([...(await storeContent(instance)), ...(await storeContent(other))]);
    await expect.poll(() => halves(first), { timeout: 20_000 }).toEqual(model(input));
    await first.close();
    const tasks = readdirSync(join(survivor.stateDir, 'bank')).filter((name) => /^\d+_\d+$/.test(name));
    for (const task of tasks)
      writeFileSync(join(survivor.stateDir, 'bank', task, 'rocksdb', 'balances', 'CURRENT'), '');
    const second = await bank.start(survivor);
    await expect.poll(() => second.standbys().length + second.tasks().length, { timeout: 20_000 }).toBe(4);
    await other.close();
    await expect.poll(() => storeContent(second), { timeout: 20_000 }).toEqual(model(input));
    expect(errors.filter((message) => message.includes('is damaged'))).toHaveLength(tasks.length);
  });

  it('with a copy that only a query finds damaged empties that one and follows it anew, and leaves tasks alone', async () => {
    const bank = await EmbeddedBank.open();
    banks.push(bank);
    const [errors, warnings]: string[][] = [[], []];
    const logger = {
      ...quiet,
      error: (message: string) => void errors!.push(message),
      warn: (message: string) => void warnings!.push(message),
    };
    const options: BankOptions = { engines: [rocksDbEngine({ binding })], logger, standbyReplicas: 1 };
    const stateDir = bank.folder();
    const other = await bank.start(options);
    const start = async (): Promise<StreamsInstance> => {
      const instance = await bank.start({ ...options, stateDir });
      await expect.poll(() => instance.standbys().length, { timeout: 20_000 }).toBe(2);
      return instance;
    };
    let instance = await start();
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    const both = async (): Promise<Map<string, unknown>> =>
      new Map([...(await storeContent(instance)), ...(await storeContent(other))]);
    await expect.poll(both, { timeout: 20_000 }).toEqual(model(input));
    // Stopped twice: the write-ahead logs become tables.
    await instance.close();
    instance = await start();
    await instance.close();
    instance = await start();
    const copies = instance.standbys().map(({ taskId }) => taskId);
    await instance.close();
    for (const id of copies) flipped(/\.sst$/)(join(stateDir, 'bank', id, 'rocksdb', 'balances'));
    instance = await start();
    const copied = instance.standbys()[0]!;
    expect(copies).toContain(copied.taskId);
    const entries = async (): Promise<number> => {
      const cursor = instance
        .queryableStore('balances')!
        .standby(copied.partition)!
        .view!.openCursor({}, { reverse: false });
      let count = 0;
      for (let found = await cursor.next(1000); found.keys.length > 0; found = await cursor.next(1000))
        count += found.keys.length;
      await cursor.close();
      return count;
    };
    const whole = [...model(input).keys()].filter(
      (account) => partitionForKey(Buffer.from(account), bank.partitions) === copied.partition,
    );
    warnings!.length = 0;
    await expect.poll(() => entries().catch(() => -1), { timeout: 20_000 }).toBe(whole.length);
    expect(errors).toContainEqual(expect.stringContaining(`Store "balances" of task ${copied.taskId} is damaged`));
    expect(warnings).toEqual([]);
  });
});
