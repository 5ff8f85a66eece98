import { StreamHandler, StreamProcessor, StreamsHost } from 'nestjs-streams';
import { expect, it } from 'vitest';
import { StreamsApps } from './support/streams-app.js';

@StreamProcessor()
class Reader {
  @StreamHandler('in')
  handle(): void {
    return;
  }
}

const apps = new StreamsApps();

it.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('The listener is broken.');
    },
  ],
  ['rejects', () => Promise.reject(new Error('The listener is broken.'))],
])('a listener of onStateChange that %s ends neither start nor stop, and the others are called', async (_, broken) => {
  const nest = await apps.create(apps.metadataOf({ topics: { in: 1 }, feature: { processors: [Reader] } }));
  const states: string[] = [];
  const host = nest.get(StreamsHost);
  host.onStateChange(broken as () => void);
  host.onStateChange((state) => void states.push(state));
  const app = await apps.serve(nest);
  await app.host.whenRunning();
  await app.close();
  expect(app.host.failure).toBeUndefined();
  expect(states).toContain('running');
  expect(states.at(-1)).toBe('stopped');
});
