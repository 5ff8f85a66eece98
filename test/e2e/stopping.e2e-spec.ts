import { json, KeyValueStore, SendTo, StateStore, StreamHandler, StreamProcessor } from 'nestjs-streams';
import { join } from 'node:path';
import { expect, it } from 'vitest';
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
