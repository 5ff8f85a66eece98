import { json, KeyValueStore, SendTo, StateStore, StreamHandler, StreamProcessor } from 'nestjs-streams';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LogError } from '../../libs/streams/src/errors/log-error.js';
import { model, produce, storeContent, transactions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';
import { StreamsApps, type RootOptions } from './support/streams-app.js';

@StateStore({ name: 'counts', key: 'string', value: json<unknown>(), engine: 'rocksdb', query: true })
class Counts extends KeyValueStore<string, unknown> {}

let isBroken = true;
let entered = 0;

@StreamProcessor()
class Counting {
  constructor(readonly counts: Counts) {}

  @StreamHandler('in')
  @SendTo('out')
  async handle(): Promise<unknown> {
    entered++;
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = ((await this.counts.get('victim')) as number | undefined) ?? 0;
    // JSON has no bigint: the commit cannot serialise this.
    this.counts.put('other', isBroken ? 1n : 1);
    this.counts.put('victim', before + 1);
    return before + 1;
  }
}

const apps = new StreamsApps();

it('moves no offsets without the changes where a commit fails while the instance stops', async () => {
  const topics = { in: { partitions: 1 }, out: { partitions: 1 } };
  const options: RootOptions = {
    stateDir: apps.folder(),
    embedded: { directory: join(apps.folder(), 'log'), topics },
  };
  const feature = { processors: [Counting], stores: [Counts] };
  const app = await apps.start({ options, feature });
  await app.host.whenRunning();
  await app.send('in', { key: 'k', value: 1 });
  await expect.poll(() => entered, { timeout: 5000, interval: 5 }).toBe(1);
  await app.close();

  isBroken = false;
  const again = await apps.start({ options, feature });
  await again.host.whenRunning();
  const victim = (): Promise<Uint8Array | undefined> =>
    again.host.queryableStore('counts')!.local(0)!.view!.get(Buffer.from('victim'));
  await expect.poll(async () => (await victim())?.toString(), { timeout: 5000 }).toBe('1');
});

it.each(['the end of a transaction is on its way', 'nothing is on its way'])(
  'ends although the log does not answer any more, while %s, and loses nothing',
  async (what) => {
    const bank = await EmbeddedBank.open();
    try {
      let isGone = false;
      let isAwaited = false;
      bank.broker.intercept(async (role, api, _request, next) => {
        isGone ||= isAwaited && api === 'endTxn';
        if (isGone && role !== 'test') throw new LogError('retriable', 'LOG_CONNECTION', 'The log is gone.');
        return next();
      });
      const options = {
        stateDir: bank.folder(),
        engine: 'memory',
        group: { sessionTimeout: 2000, heartbeatInterval: 100 },
      };
      const input = transactions(410, 40);
      const instance = await bank.start(options);
      await produce(bank.log, bank.topics.input, bank.partitions, input.slice(0, 400));
      await expect.poll(() => storeContent(instance), { timeout: 5000 }).toEqual(model(input.slice(0, 400)));
      isAwaited = what === 'the end of a transaction is on its way';
      isGone = !isAwaited;
      await produce(bank.log, bank.topics.input, bank.partitions, input.slice(400));
      await expect.poll(() => isGone, { timeout: 5000 }).toBe(true);
      const late = new Promise((resolve) => setTimeout(resolve, 20_000, 'still stopping'));
      expect(await Promise.race([instance.close().then(() => instance.state), late])).toBe('stopped');
      isAwaited = isGone = false;
      const again = await bank.start(options);
      await expect.poll(() => storeContent(again), { timeout: 10_000 }).toEqual(model(input));
    } finally {
      bank.broker.intercept(async (_role, _api, _request, next) => next());
      await bank.close();
    }
  },
);
