import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { describeStoreEngineConformance } from '../../libs/streams/src/testing/index.js';
import { model, produce, RestoreCounts, storeContent, transactions, type BankOptions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';
import { JsonEngine, jsonEngine } from '../support/json-engine.js';

describeStoreEngineConformance('an engine of a user', () => {
  const directory = mkdtempSync(join(tmpdir(), 'json-engine-'));
  const create = (): Promise<JsonEngine> => Promise.resolve(new JsonEngine(directory));
  return Promise.resolve({
    isPersistent: true,
    create,
    reopen: create,
    cleanUp: async () => rmSync(directory, { recursive: true, force: true }),
  });
});

describe('an application on an engine of its own', () => {
  let bank: EmbeddedBank | undefined;
  afterEach(() => bank?.close());

  it('keeps its state there, and restores nothing on the next start', async () => {
    bank = await EmbeddedBank.open(2);
    const input = transactions(60, 6);
    await produce(bank.log, bank.topics.input, bank.partitions, input);
    const options: BankOptions = { engine: 'json-file', engines: [jsonEngine()], stateDir: bank.folder() };
    const first = await bank.start(options);
    await expect.poll(() => storeContent(first)).toEqual(model(input));
    await first.close();
    const counts = new RestoreCounts();
    const second = await bank.start({ ...options, lifecycle: counts });
    expect(await storeContent(second)).toEqual(model(input));
    expect(counts.total).toBe(0);
  });
});
