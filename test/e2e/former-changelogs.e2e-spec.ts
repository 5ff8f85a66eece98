import { Inject } from '@nestjs/common';
import { KeyValueStore, StateStore, StreamHandler, StreamProcessor } from 'nestjs-streams';
import { expect, it } from 'vitest';
import { StreamsApps } from './support/streams-app.js';

@StateStore({ name: 'a-kv', key: 'string', value: 'json' })
class Dashed extends KeyValueStore<string, number> {}

@StreamProcessor()
class Keeper {
  constructor(@Inject(Dashed) readonly store: Dashed) {}

  @StreamHandler('in')
  keep(): void {}
}

const apps = new StreamsApps();
const feature = { processors: [Keeper], stores: [Dashed] };

it('a changelog under its former name is not passed over for a new, empty one', async () => {
  const start = apps.start({ topics: { in: 1, 'app-a-kv-changelog': 1 }, feature });
  await expect(start).rejects.toMatchObject({
    code: 'STREAMS_CONFIGURATION',
    message: expect.stringMatching(/"app--a-kv-changelog" does not exist, but "app-a-kv-changelog" does/),
  });
});

it('a store with a dash in its name starts where nothing has the former name', async () => {
  const app = await apps.start({ topics: { in: 1 }, feature });
  await app.host.whenRunning();
  expect(await app.records('app--a-kv-changelog')).toEqual([]);
});
