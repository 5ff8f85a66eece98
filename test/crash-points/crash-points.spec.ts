import { afterEach, describe, expect, it } from 'vitest';
import { latest, model, storeContent, transactions, type Balance } from '../support/bank.js';
import { CrashWorld, type CrashWorldOptions } from './crash-world.js';
import type { CrashPoint } from './doomed-process.js';

const ACCOUNTS = 5;
const first = transactions(12, ACCOUNTS);
const second = transactions(12, ACCOUNTS, 12);
const third = transactions(6, ACCOUNTS, 24);
const all = [...first, ...second, ...third];

/** What the process does before the world ends, wherever that is: starts, restores, commits twice, stops. */
async function life(world: CrashWorld, crashAt?: CrashPoint): Promise<void> {
  await world.start(crashAt);
  await world.settled();
  if (!world.process.isDead) {
    await world.produce(second);
    await world.settled();
  }
  if (!world.process.isDead) await world.stop();
  await world.bury();
}

describe('a process that dies at any call to the log or to a store engine', () => {
  const worlds: CrashWorld[] = [];
  const open = async (options: CrashWorldOptions): Promise<CrashWorld> => {
    const world = new CrashWorld(options);
    worlds.push(world);
    await world.prepare();
    await world.produce(first);
    return world;
  };
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.close();
  });

  for (const processingGuarantee of ['exactly_once', 'at_least_once'] as const) {
    for (const engine of ['memory', 'rocksdb'] as const) {
      it(`leaves what the next one needs (${processingGuarantee}, ${engine})`, { timeout: 240_000 }, async () => {
        const whole = await open({ processingGuarantee, engine });
        await life(whole);
        const { calls } = whole.process;
        expect(calls).toEqual(expect.arrayContaining(expectedCalls(processingGuarantee)));
        await whole.close();
        worlds.length = 0;

        for (let call = 0; call < calls.length; call++) {
          for (const side of ['before', 'after'] as const) {
            const where = `${side} call ${call} of ${calls.length}, ${calls[call]}`;
            const world = await open({ processingGuarantee, engine });
            await life(world, { call, side });
            await world.produce(third);
            await world.start();
            await world.settled();
            await check(world, processingGuarantee, where);
            await world.close();
            worlds.length = 0;
          }
        }
      });
    }
  }
});

async function check(
  world: CrashWorld,
  guarantee: CrashWorldOptions['processingGuarantee'],
  where: string,
): Promise<void> {
  // A process that died before the second half was produced leaves it out.
  const changelog = latest(await world.changelog());
  const stored = await storeContent(world.running);
  const outputs = (await world.outputs()).map(({ value }) => (JSON.parse(value!) as { id: string }).id);
  const produced = all.filter(
    ({ id }) => outputs.includes(id) || third.some((each) => each.id === id) || first.some((each) => each.id === id),
  );
  const expected = model(produced);
  expect(changelog, `changelog and store, ${where}`).toEqual(stored);
  if (guarantee === 'exactly_once') {
    expect(outputs.toSorted(), `outputs, ${where}`).toEqual(produced.map(({ id }) => id).toSorted());
    expect(stored, `store, ${where}`).toEqual(expected);
    return;
  }
  expect([...new Set(outputs)].toSorted(), `outputs, ${where}`).toEqual(produced.map(({ id }) => id).toSorted());
  for (const [account, { count }] of expected)
    expect((stored.get(account) as Balance).count, `${account}, ${where}`).toBeGreaterThanOrEqual(count);
}

function expectedCalls(guarantee: CrashWorldOptions['processingGuarantee']): string[] {
  const commit =
    guarantee === 'exactly_once'
      ? ['log initProducerId', 'log addPartitionsToTxn', 'log addOffsetsToTxn', 'log txnOffsetCommit', 'log endTxn']
      : ['log offsetCommit'];
  return ['log joinGroup', 'log produce', 'engine open', 'engine write', 'engine close', ...commit];
}
