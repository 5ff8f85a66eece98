import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../../observability/streams-logger.js';
import { loadRocksDbBinding } from '../../../stores/engines/rocksdb/load-rocksdb-binding.js';
import { ManualClock } from '../../../testing/manual-clock.js';
import { SystemClock } from '../../../time/system-clock.js';
import type { Clock } from '../../../time/clock.js';
import { bytes, ConformanceWorld, failureOf } from '../../conformance/conformance-world.js';
import type { TransactionalProducer } from '../../log-producer.js';
import { createEmbeddedLog, type EmbeddedLog, type EmbeddedLogOptions } from '../embedded-log.js';

const PARTITION = { topic: 'balances', partition: 0 };
const TOPICS = { balances: { partitions: 1, config: { 'cleanup.policy': 'compact' } } };

// Where both packages load, both are met.
describe.each(['auto', 'rocksdb-native'] as const)('the embedded log in a folder, binding %s', (choice) => {
  const binding = (): ReturnType<typeof loadRocksDbBinding> => loadRocksDbBinding(choice);
  let home: string;
  let lives = 0;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'embedded-folder-'));
  });

  afterEach(() => rm(home, { recursive: true }));

  const open = async (
    directory: string,
    options: EmbeddedLogOptions = {},
    clock: Clock = new SystemClock(),
  ): Promise<{ log: EmbeddedLog; world: ConformanceWorld }> => {
    const log = await createEmbeddedLog({ directory: join(home, directory), binding, ...options }, { clock });
    const world = new ConformanceWorld({ kind: 'embedded', wires: log.broker.wires, close: () => log.close() });
    onTestFinished(() => world.close());
    return { log, world };
  };

  /** Opens what the disk would hold if the process had been killed now. */
  const openCrashed = async (directory: string, clock?: Clock): ReturnType<typeof open> => {
    const copy = `life-${lives++}`;
    await cp(join(home, directory), join(home, copy), { recursive: true, filter: (path) => !path.endsWith('/LOCK') });
    return open(copy, {}, clock);
  };

  const owner = async (log: EmbeddedLog): Promise<TransactionalProducer> => {
    const producer = log.openTransactionalProducer({
      role: 'test',
      transactionalId: 'bank-1',
      transactionTimeoutMs: 4000,
    });
    await producer.init();
    return producer;
  };

  const put = async (producer: TransactionalProducer, key: string, value: string): Promise<void> => {
    producer.append(PARTITION.topic, 0, bytes(key), bytes(value), 1);
    await producer.flush();
  };

  it('has topics, records, offsets and markers after the process was killed', async () => {
    const { log } = await open('first', { topics: TOPICS });
    const member = log.openMember(
      {
        groupId: 'bank',
        protocolName: 'test',
        topics: [PARTITION.topic],
        sessionTimeoutMs: 6000,
        rebalanceTimeoutMs: 6000,
        heartbeatIntervalMs: 1000,
      },
      {
        subscription: () => bytes(''),
        assign: async ([member]) => new Map([[member!.memberId, { partitions: [PARTITION], userData: bytes('') }]]),
        onRevoked: async () => {},
        onAssigned: async () => {},
        onFatal: () => {},
      },
    );
    await member.join();
    const producer = await owner(log);
    await put(producer, 'a', '1');
    await producer.commit({ offsets: [{ ...PARTITION, offset: 7 }], group: member.identity()! });
    await put(producer, 'a', 'aborted');
    await producer.abort();
    await put(producer, 'b', '2');
    await producer.commit();

    const { log: next, world } = await openCrashed('first');
    expect(await next.admin.describeTopics([PARTITION.topic])).toEqual(
      new Map([[PARTITION.topic, { name: PARTITION.topic, partitions: 1 }]]),
    );
    expect((await next.admin.describeConfig(PARTITION.topic)).get('cleanup.policy')).toBe('compact');
    expect(await world.values(PARTITION.topic)).toEqual(['1', '2']);
    expect(await world.committed('bank', PARTITION.topic)).toEqual([{ ...PARTITION, offset: 7 }]);
    const successor = await owner(next);
    await put(successor, 'c', '3');
    await successor.commit();
    expect(await world.values(PARTITION.topic)).toEqual(['1', '2', '3']);
    expect(await world.end(PARTITION.topic)).toBe(8);
  });

  it('leaves a transaction open that was open, until its owner comes back', async () => {
    const { log } = await open('first', { topics: TOPICS });
    const producer = await owner(log);
    await put(producer, 'a', 'open');

    const { log: next, world } = await openCrashed('first');
    expect([await world.end(PARTITION.topic), await world.end(PARTITION.topic, 'read_committed')]).toEqual([1, 0]);
    const successor = await owner(next);
    expect(await world.end(PARTITION.topic, 'read_committed')).toBe(2);
    await put(successor, 'a', 'new');
    await successor.commit();
    expect(await world.values(PARTITION.topic)).toEqual(['new']);
  });

  it('aborts a transaction whose time was over before its owner came back', async () => {
    const { log } = await open('first', { topics: TOPICS });
    await put(await owner(log), 'a', 'open');

    const clock = new ManualClock(Date.now());
    const { world } = await openCrashed('first', clock);
    expect(await world.end(PARTITION.topic, 'read_committed')).toBe(0);
    await clock.advance(4000);
    expect(await world.end(PARTITION.topic, 'read_committed')).toBe(2);
    expect(await world.values(PARTITION.topic)).toEqual([]);
  });

  it('keeps what compaction and retention left, and where the log ends', async () => {
    const { log } = await open('first', { topics: { ...TOPICS, queue: { partitions: 1 } } });
    const producer = await owner(log);
    for (let i = 0; i < 20; i++) {
      await put(producer, `k${i % 2}`, `v${i}`);
      await producer.commit();
    }
    producer.append('queue', 0, null, bytes('purged'), 1);
    await producer.commit();
    await log.admin.deleteRecords([{ topic: 'queue', partition: 0, offset: 2 }]);
    await log.broker.compact(PARTITION.topic);

    const { log: next, world } = await openCrashed('first');
    expect(await world.read(PARTITION.topic)).toEqual({
      records: [
        { offset: 36, key: 'k0', value: 'v18' },
        { offset: 38, key: 'k1', value: 'v19' },
      ],
      position: 40,
    });
    const [queue] = [{ topic: 'queue', partition: 0 }];
    expect(await next.admin.beginningOffsets([queue!])).toEqual([{ ...queue!, offset: 2 }]);
    expect(await world.end('queue')).toBe(2);
  });

  it('forgets a deleted topic, its records and its offsets', async () => {
    const { log } = await open('first', { topics: TOPICS });
    const producer = await owner(log);
    await put(producer, 'a', 'old');
    await producer.commit();
    await log.admin.deleteTopics([PARTITION.topic]);
    await log.admin.createTopics([{ name: PARTITION.topic, partitions: 1 }]);

    const { world } = await openCrashed('first');
    expect(await world.end(PARTITION.topic)).toBe(0);
  });

  it('refuses a folder that is open already, and says what to do', async () => {
    await open('first');
    const second = createEmbeddedLog({ directory: join(home, 'first'), binding }, { clock: new SystemClock() });
    const error = await failureOf(second);
    expect(error).toMatchObject({ kind: 'fatal', code: 'LOG_LOCKED' });
    expect(error.message).toContain(join(home, 'first'));
  });
});

it('says once, and loudly, that this is the embedded log', async () => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const log = await createEmbeddedLog({ topics: TOPICS }, { clock: new SystemClock(), logger });
  await log.connect();
  await log.close();
  expect(warnings).toEqual([expect.stringMatching(/EMBEDDED LOG.*in memory/)]);
});
