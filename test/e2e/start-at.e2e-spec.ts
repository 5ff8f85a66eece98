import { Payload } from '@nestjs/microservices';
import { SendTo, StreamHandler, StreamProcessor } from 'nestjs-streams';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StreamsApps, type StreamsApp } from './support/streams-app.js';

@StreamProcessor()
class FromTheEnd {
  @StreamHandler('in', { startAt: 'latest' })
  @SendTo('out')
  pass(@Payload() value: string): string {
    return value;
  }
}

@StreamProcessor()
class FromTheBeginning {
  @StreamHandler('in')
  @SendTo('out')
  pass(@Payload() value: string): string {
    return value;
  }
}

describe('a new application', () => {
  const apps = new StreamsApps();
  /** An embedded log that outlives its application, with one record. */
  const filled = async (): Promise<() => object> => {
    const directory = join(apps.folder(), 'log');
    const topics = { in: { partitions: 1 }, out: { partitions: 1 } };
    const options = (): object => ({ embedded: { directory, topics }, stateDir: apps.folder() });
    const producer = await apps.start({ options: { ...options(), applicationId: 'producer' } });
    await producer.send('in', { key: 'k', value: 'before' });
    await producer.close();
    return options;
  };
  const outputs = async (app: StreamsApp, count: number): Promise<unknown[]> =>
    (await app.recordsOnce('out', count)).map(({ value }) => JSON.parse(String(value)) as unknown);

  it('begins with the first record', async () => {
    const options = await filled();
    const app = await apps.start({ options: options(), feature: { processors: [FromTheBeginning] } });
    expect(await outputs(app, 1)).toEqual(['before']);
  });

  it("begins at the end with startAt: 'latest', and later starts go on from there", async () => {
    const options = await filled();
    const feature = { processors: [FromTheEnd] };
    const first = await apps.start({ options: options(), feature });
    await first.host.whenRunning();
    await first.close();
    // Without a single commit of a record, the place of the first start counts.
    const producer = await apps.start({ options: { ...options(), applicationId: 'producer' } });
    await producer.send('in', { key: 'k', value: 'between' });
    await producer.close();
    const second = await apps.start({ options: options(), feature });
    await second.send('in', { key: 'k', value: 'after' });
    expect(await outputs(second, 2)).toEqual(['between', 'after']);
  });
});
