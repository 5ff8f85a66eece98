import { Payload } from '@nestjs/microservices';
import { json, KeyValueStore, StateStore, StreamHandler, StreamProcessor, type StreamsFeature } from 'nestjs-streams';
import { describe, expect, it } from 'vitest';
import { StreamsApps, type StreamsApp } from './support/streams-app.js';

@StateStore({ name: 'visits', key: 'string', value: json<number>(), query: true, changelog: false })
class Visits extends KeyValueStore<string, number> {}

@StreamProcessor()
class Visitors {
  constructor(private readonly visits: Visits) {}

  @StreamHandler('visits', { key: 'string', value: json<string>() })
  async count(@Payload() name: string): Promise<void> {
    this.visits.put(name, ((await this.visits.get(name)) ?? 0) + 1);
  }
}

describe('a store without a changelog', () => {
  const apps = new StreamsApps();
  const feature: StreamsFeature = { processors: [Visitors], stores: [Visits] };
  const countOf = async (app: StreamsApp): Promise<unknown> => (await app.fetch('/stores/visits/entries/ann')).json;

  it('has no topic and nothing to restore, and keeps what its engine keeps', async () => {
    const folder = apps.folder();
    const stateDir = apps.folder();
    const options = {
      embedded: { directory: folder, topics: { visits: { partitions: 1 } } },
      stateDir,
      defaultEngine: 'rocksdb',
    };
    const first = await apps.start({ feature, options });
    await first.host.whenRunning();
    await first.send('visits', { key: 'ann', value: 'ann' });
    await expect.poll(() => countOf(first)).toBe(1);
    expect((await (await first.host.openLog()).admin.describeTopics(['app-visits-changelog'])).size).toBe(0);
    await first.close();
    const second = await apps.start({ feature, options });
    await second.host.whenRunning();
    expect(await countOf(second)).toBe(1);
    await second.send('visits', { key: 'ann', value: 'ann' });
    await expect.poll(() => countOf(second)).toBe(2);
  });
});
