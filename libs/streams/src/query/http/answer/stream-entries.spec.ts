import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { json, stringSerde } from '../../../serdes/text-serdes.js';
import { ManualClock } from '../../../testing/manual-clock.js';
import type { ScanEntry } from '../../scan/merge-streams.js';
import { storeDefinition } from '../../testing/fake-runtime.js';
import { EntryJson } from './entry-json.js';
import type { QueryResponse } from './http-answer.js';
import { streamEntries } from './stream-entries.js';

const definition = storeDefinition('items', stringSerde, json<number>());

describe('a stream of entries', () => {
  let close: () => unknown = () => undefined;
  afterEach(() => close());

  it.each([
    ['all of them are hidden', () => false],
    ['their owners look for long', undefined],
  ])('gives a sign of life every 10 seconds while %s, which is no part of its lines', async (_, passes) => {
    const clock = new ManualClock();
    const batches = async function* (): AsyncGenerator<readonly ScanEntry[]> {
      const entry = (key: string): ScanEntry => ({ key: Buffer.from(key), value: Buffer.from('1'), partition: 0 });
      if (passes) yield [entry('hidden')];
      await clock.advance(25_000);
      yield passes ? [entry('hidden')] : [entry('shown')];
    };
    const scanned = { batches: batches(), cursorBehind: () => 'next', unreachable: [], freshness: [] };
    const server = createServer((__, response) => {
      void streamEntries(response as unknown as QueryResponse, scanned, {
        json: new EntryJson(definition, undefined, undefined),
        passes,
        headers: {},
        limit: undefined,
        url: '/',
        clock,
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    close = () => server.close();
    const text = await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)).text();
    const shown = passes ? '' : '{"key":"shown","value":1}\n';
    expect(text).toBe(`  ${shown}{"end":true}\n`);
    expect(clock.pendingTimers).toBe(0);
  });
});
