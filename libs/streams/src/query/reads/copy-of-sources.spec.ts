import { describe, expect, it } from 'vitest';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { SystemClock } from '../../time/system-clock.js';
import type { LocalPartition } from '../../runtime/instance-status.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { LocalReads } from './local-reads.js';
import { LATEST_COMMITTED } from './partition-reads.js';

const definition = storeDefinition('balances', stringSerde, json<number>());

describe('a copy that is asked for the position of a source topic', () => {
  const reads = (): LocalReads => {
    const runtime = new FakeRuntime([definition], 1);
    const store = runtime.store('balances');
    const copy: LocalPartition = { ...store.local(0)!, copy: { lag: 0, stalenessMs: 0 } };
    store.set(0, undefined, { instanceId: 'b', url: 'http://b', isLocal: false });
    Object.assign(store, { standby: () => copy });
    return new LocalReads(runtime, new SystemClock());
  };
  const bounds = { ...LATEST_COMMITTED, maxStalenessMs: 5000, sources: [{ topic: 't', offset: 1 }], waitMs: 60_000 };
  const target = { store: 'balances', partition: 0 };

  it('names the owner, who alone can tell, and waits for nothing', async () => {
    await expect(reads().get(target, [Buffer.from('k')], bounds)).rejects.toMatchObject({
      problem: { name: 'not-owner' },
      members: { ownerInstance: 'b' },
    });
  });
});
