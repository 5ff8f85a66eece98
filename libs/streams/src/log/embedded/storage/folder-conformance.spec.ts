import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadRocksDbBinding } from '../../../stores/engines/rocksdb/load-rocksdb-binding.js';
import { SystemClock } from '../../../time/system-clock.js';
import { describeLogConformance } from '../../log.conformance.js';
import { EmbeddedBroker } from '../embedded-broker.js';

describeLogConformance('the embedded log in a folder', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'embedded-log-'));
  const binding = await loadRocksDbBinding();
  // So small a cache that nearly every fetch reads from the folder.
  const broker = new EmbeddedBroker({
    clock: new SystemClock(),
    storage: await binding.open(directory, {}),
    cacheMaxBytes: 200,
  });
  const close = async (): Promise<void> => {
    await broker.close();
    await rm(directory, { recursive: true });
  };
  return { kind: 'embedded', wires: broker.wires, close };
});
