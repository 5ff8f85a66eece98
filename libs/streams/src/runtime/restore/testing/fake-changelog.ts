import { LogError } from '../../../errors/log-error.js';
import type { Log } from '../../../log/log.js';
import { BatchBuilder } from '../../../log/records/batch-builder.js';
import { assignBaseOffset } from '../../../log/records/batch-header.js';
import { decodeRecords } from '../../../log/records/record-decoder.js';
import type { Serde } from '../../../serdes/serde.js';
import { json, stringSerde } from '../../../serdes/text-serdes.js';
import { MemoryEngine } from '../../../stores/engines/memory/memory-engine.js';
import { BufferedKeyValueStore } from '../../../stores/key-value/buffered-key-value-store.js';
import type { ManualClock } from '../../../testing/manual-clock.js';
import type { StoreDefinition } from '../../../topology/store-definition.js';
import type { Task } from '../../task/task.js';
import { TaskStores } from '../../task/task-stores.js';

export const CHANGELOG = { topic: 'changelog', partition: 0 };

/** Of stores that were never away, of topics that stay what they are. */
export const undisturbed = {
  changelogs: { check: async () => undefined },
  currency: {
    isOutdated: () => false,
    isTooLongAgo: () => false,
    begins: () => undefined,
    follows: () => undefined,
  },
};

type Call = 'beginningOffsets' | 'endOffsets' | 'assign';

/** A changelog that nobody has written to yet. */
export class FakeChangelog {
  private end = 0;
  private readonly fetched: unknown[] = [];
  private readonly failing = new Set<Call>();

  constructor(private readonly clock: ManualClock) {}

  get log(): Log {
    return {
      admin: {
        beginningOffsets: async () => this.answer('beginningOffsets', [{ ...CHANGELOG, offset: 0 }]),
        endOffsets: async () => this.answer('endOffsets', [{ ...CHANGELOG, offset: this.end }]),
      },
      openReader: () => ({
        assign: async () => this.answer('assign', undefined),
        remove: () => undefined,
        take: () => this.fetched.shift(),
        ready: () => new Promise<void>((resolve) => void this.clock.schedule(10, resolve)),
        close: async () => undefined,
      }),
    } as unknown as Log;
  }

  /** Calls of this kind fail as they do while no broker can be reached. */
  fail(call: Call): void {
    this.failing.add(call);
  }

  recover(): void {
    this.failing.clear();
  }

  /** One record, and the marker of its transaction. */
  commit(): void {
    this.end = 2;
  }

  deliver(): void {
    const builder = new BatchBuilder(1 << 20);
    builder.append(Buffer.from('k'), Buffer.from('1'), 1);
    const records = builder.finish();
    assignBaseOffset(records, 0, 0);
    const chunk = decodeRecords({
      ...CHANGELOG,
      position: 0,
      isolation: 'read_committed',
      records,
      aborted: [],
      highWatermark: 2,
      lastStableOffset: 2,
      logStartOffset: 0,
    });
    Object.assign(chunk, { bounds: { ...chunk.bounds, nextOffset: 2 } });
    this.fetched.push({ partition: CHANGELOG, chunk });
  }

  private answer<T>(call: Call, value: T): T {
    if (this.failing.has(call)) throw new LogError('retriable', 'LOG_CONNECTION', `No broker answers ${call}.`);
    return value;
  }
}

const definition: StoreDefinition = {
  name: 's',
  kind: 'key-value',
  key: stringSerde as Serde<unknown>,
  value: json(),
  engine: 'memory',
  changelog: { isEnabled: true, config: {} },
  isQueryable: true,
  restorePriority: 0,
};

/** A task with one store `s`, which has this changelog. */
export async function taskWithStore(engine = new MemoryEngine()) {
  const store = new BufferedKeyValueStore({ definition, engine, freezeValues: false });
  await store.open();
  const stores = new TaskStores([{ definition, store, changelog: CHANGELOG.topic }]);
  const task = {
    id: '0_0',
    partition: CHANGELOG.partition,
    stores,
    onRestoreStart: async () => undefined,
    onRestoreProgress: async () => undefined,
  } as unknown as Task;
  return { task, store };
}
