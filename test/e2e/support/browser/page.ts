/**
 * Runs in the browser: reads a store in every way that the client has, and reports what it saw. `nestjs-streams/client` is mapped to the compiled
 * modules by the page.
 */
import { StreamsClient, StreamsProblem, type StoreChange } from 'nestjs-streams/client';
import type { Item } from '../query-cluster.js';

/** Of which the types of Node know nothing. */
declare class EventSource {
  constructor(url: string);
  addEventListener(type: string, listener: (event: { readonly lastEventId: string }) => void): void;
  close(): void;
}
declare const config: { readonly urls: readonly string[] };

type Stores = { readonly items: { readonly key: string; readonly value: Item } };
type Change = StoreChange<string, Item>;

const items = new StreamsClient<Stores>({ urls: config.urls }).store('items');

const write = async (key: string, n: number): Promise<unknown> =>
  fetch('/test/write', { method: 'POST', body: JSON.stringify([key, { n }]) });

async function problemOf(reading: Promise<unknown>): Promise<string> {
  try {
    await reading;
    return 'none';
  } catch (error) {
    return error instanceof StreamsProblem ? error.problem : String(error);
  }
}

/** What the feed tells until it has told of a change; `onSnapshot` when it has told what there is. */
async function followed(lastEventId: string | undefined, onSnapshot?: () => Promise<unknown>): Promise<Change[]> {
  const told: Change[] = [];
  for await (const change of items.changes(lastEventId === undefined ? {} : { lastEventId })) {
    told.push(change);
    if (change.type === 'snapshot-end') await onSnapshot?.();
    if (change.type === 'put') break;
  }
  return told;
}

/** The id that an `EventSource` ends its snapshot with. */
function idOfEventSource(): Promise<string> {
  return new Promise((resolve, reject) => {
    const source = new EventSource(`${config.urls[0]}/stores/items/changes`);
    source.addEventListener('snapshot-end', ({ lastEventId }) => {
      source.close();
      resolve(lastEventId);
    });
    source.addEventListener('error', () => reject(new Error('The EventSource has failed.')));
  });
}

async function seen(): Promise<object> {
  const entry = await items.getEntry('k00001');
  const again = await items.getEntry('k00001', {}, entry);
  const keys = Array.from({ length: 1500 }, (_, n) => `k${String(n).padStart(5, '0')}`);
  const found = await items.lookup([...keys, 'none']);
  const streamed: string[] = [];
  for await (const { key } of items.stream()) streamed.push(key);
  const changes = await followed(undefined, () => write('k00001', 1000));
  const end = changes.find((change) => change.type === 'snapshot-end');
  return {
    entry,
    isSame: again?.value === entry?.value,
    missing: (await items.get('none')) === undefined,
    awaited: await items.get('k00001', { waitS: 5, ...(end && { position: end.position }) }),
    found: [found.size, found.get('k01499')],
    page: await items.page({ limit: 3, where: ['n>=10', 'n<1000'] }),
    streamed: [streamed.length, streamed[0], streamed.at(-1)],
    count: await items.count({ prefix: 'k000' }),
    refused: await problemOf(items.count({ where: 'x' })),
    changes: changes.filter(({ type }) => type !== 'entry' && type !== 'bookmark').map(({ type }) => type),
    entries: changes.filter(({ type }) => type === 'entry').length,
    changed: changes.at(-1),
    resumed: (await followed(end?.id)).filter(({ type }) => type !== 'bookmark'),
    eventSource: /^[0-9a-z]+-[0-9a-z.]+$/.test(await idOfEventSource()),
  };
}

/** All that a page can tell where not even a first answer can be read. */
const report = await seen().catch((error: unknown) => ({ error: String(error) }));
await fetch('/test/report', { method: 'POST', body: JSON.stringify(report) });
