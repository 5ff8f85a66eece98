import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../observability/streams-logger.js';
import { ManualClock } from '../../testing/manual-clock.js';
import type { ApiCodec } from '../protocol/api-codec.js';
import { metadataCodec, type ClusterMetadata } from '../protocol/cluster-codecs.js';
import { ClusterWire } from './cluster-wire.js';
import type { RequestOf } from '../protocol/messages.js';
import { connectionFailure, type NodeAddress, type NodeConnection } from './node-connection.js';

/** Brokers on port numbers; those in `silent` take requests and never answer. */
class World {
  readonly clock = new ManualClock();
  readonly silent = new Set<number>();
  readonly down = new Set<number>();
  /** Was away for a while: it knows nothing of the leaders and coordinators that came after it. */
  behind: number | undefined;
  coordinator = 2;
  epoch = 4;
  readonly asked: string[] = [];
  readonly epochs: (number | undefined)[] = [];
  readonly warnings: string[] = [];
  members = [1, 2, 3];
  readonly wire: ClusterWire;

  constructor(seeds: readonly number[] = [1], addresses?: Readonly<Record<string, string>>) {
    this.wire = new ClusterWire({
      brokers: seeds.map((port) => `kafka:${port}`),
      addresses,
      requestTimeoutMs: 30_000,
      clock: this.clock,
      logger: { ...silentLogger, warn: (message) => this.warnings.push(message) },
      open: (address) => this.open(address),
    });
  }

  private open(address: NodeAddress): NodeConnection {
    const waiting = new Set<(error: Error) => void>();
    const { port } = address;
    const close = (reason: string): void => {
      for (const reject of waiting) reject(connectionFailure(address, reason));
      waiting.clear();
    };
    const request = <Q, R>(codec: ApiCodec<Q, R>, asked: Q, timeoutMs: number): Promise<R> => {
      this.asked.push(`${port} ${codec.name}`);
      if (codec.name === 'ListOffsets')
        this.epochs.push((asked as RequestOf<'listOffsets'>).topics[0].partitions[0].leaderEpoch);
      if (this.down.has(port)) return Promise.reject(connectionFailure(address, 'refused'));
      if (!this.silent.has(port)) return Promise.resolve(this.answer(codec.name, port) as R);
      this.clock.schedule(timeoutMs, () => close(`no answer within ${timeoutMs} ms`));
      return new Promise((_resolve, reject) => waiting.add(reject));
    };
    return { request, close };
  }

  private answer(api: string, port: number): unknown {
    const isBehind = port === this.behind;
    const [leader, leaderEpoch] = isBehind ? [port, 3] : [this.members.at(-1)!, this.epoch];
    const coordinator = isBehind ? port : this.coordinator;
    const metadata: ClusterMetadata = {
      brokers: this.members.map((nodeId) => ({ nodeId, host: 'kafka', port: nodeId })),
      controller: this.members[0],
      topics: [{ error: 0, name: 't', partitions: [{ error: 0, partition: 0, leader, leaderEpoch }] }],
    };
    if (api === metadataCodec.name) return metadata;
    if (api !== 'FindCoordinator') return { error: 0, topics: [] };
    return { error: 0, message: null, nodeId: coordinator, host: 'kafka', port: coordinator };
  }
}

describe('a wire to a cluster', () => {
  const worlds: World[] = [];
  const open = async (seeds?: readonly number[], addresses?: Readonly<Record<string, string>>): Promise<World> => {
    const world = new World(seeds, addresses);
    worlds.push(world);
    await world.wire.track(['t']);
    world.asked.length = 0;
    return world;
  };
  afterEach(async () => {
    for (const { wire } of worlds.splice(0)) await wire.close();
  });
  const heartbeat = { groupId: 'g', generationId: 1, memberId: 'm', instanceId: null };

  it('gives back the requests of a silent broker soon after the others have given it up', async () => {
    const world = await open();
    const { wire, clock, silent, warnings } = world;
    expect(wire.leaderOf('t', 0)).toBe(3);
    silent.add(3);
    const rejected = expect(wire.send(3, 'heartbeat', heartbeat)).rejects.toMatchObject({ code: 'LOG_CONNECTION' });
    await clock.advance(8000);
    expect(wire.leaderOf('t', 0)).toBe(3);
    world.members = [1, 2];
    await clock.advance(1000);
    await rejected;
    expect(wire.leaderOf('t', 0)).toBe(2);
    await expect(wire.send(3, 'heartbeat', heartbeat)).rejects.toMatchObject({ code: 'LOG_CONNECTION' });
    expect(warnings).toEqual([]);
  });

  it('leaves a silent broker its time as long as the others know it, and says what waits', async () => {
    const { wire, clock, silent, warnings } = await open();
    silent.add(3);
    let outcome = 'waiting';
    wire.send(3, 'heartbeat', heartbeat).catch((error: Error) => (outcome = error.message));
    await clock.advance(29_900);
    expect(outcome).toBe('waiting');
    expect(warnings).toEqual(['A Heartbeat request has waited 10 s for the answer of broker kafka:3.']);
    await clock.advance(200);
    expect(outcome).toContain('no answer within 30000 ms');
  });

  it('asks another broker for the coordinator when one is silent, and the silent one no more', async () => {
    const { wire, clock, silent, asked } = await open();
    silent.add(1);
    const first = wire.coordinator('g', 'group');
    await clock.advance(3000);
    expect(await first).toBe(2);
    const looksUp = (each: string): boolean => each.endsWith('FindCoordinator');
    expect(asked.filter(looksUp)).toEqual([1, 2, 3].map((broker) => `${broker} FindCoordinator`));
    asked.length = 0;
    expect(await wire.coordinator('g', 'group')).toBe(2);
    expect(asked).toEqual(['2 FindCoordinator', '3 FindCoordinator']);
    expect(wire.anyNode()).not.toBe(1);
  });

  for (const seed of [1, 2]) {
    it(`does not believe a broker that was away (asking broker ${seed} first)`, async () => {
      const world = new World([seed]);
      worlds.push(world);
      world.behind = 1;
      await world.wire.track(['t']);
      expect(world.wire.leaderOf('t', 0)).toBe(3);
      expect(await world.wire.coordinator('g', 'group')).toBe(2);
      const topics = [{ topic: 't', partitions: [{ partition: 0, timestamp: -1 }] }];
      await world.wire.send(1, 'listOffsets', { isolation: 0, topics });
      expect(world.epochs).toEqual([4]);
    });
  }

  it('takes no leader back on the word of one broker, but does when a topic was made anew', async () => {
    const world = await open();
    const { wire, clock, silent } = world;
    world.behind = 1;
    silent.add(2).add(3);
    const refreshed = wire.refresh();
    await clock.advance(1000);
    await refreshed;
    expect(wire.leaderOf('t', 0)).toBe(3);
    silent.clear();
    world.behind = undefined;
    world.members = [3, 2, 1];
    world.epoch = 0;
    await wire.refresh();
    expect(wire.leaderOf('t', 0)).toBe(1);
  });

  it('finds the cluster through any broker of the options, and reports the last failure when none answers', async () => {
    const world = new World([7, 8, 1]);
    worlds.push(world);
    world.down.add(7);
    world.silent.add(8);
    const connected = world.wire.connect();
    await world.clock.advance(3000);
    await connected;
    expect(world.wire.controller()).toBe(1);

    const alone = new World([7]);
    worlds.push(alone);
    alone.down.add(7);
    await expect(alone.wire.connect()).rejects.toMatchObject({ kind: 'retriable', code: 'LOG_CONNECTION' });
  });

  it('asks nothing by itself while nothing waits', async () => {
    const { wire, clock, asked } = await open();
    await wire.send(2, 'heartbeat', heartbeat);
    await clock.advance(60_000);
    expect(asked).toEqual(['2 Heartbeat']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('rejects every request after it was closed', async () => {
    const { wire, silent } = await open();
    silent.add(2);
    const waiting = wire.send(2, 'heartbeat', heartbeat);
    const rejected = expect(waiting).rejects.toMatchObject({ code: 'LOG_CONNECTION' });
    await wire.close();
    await rejected;
    await expect(wire.refresh()).rejects.toMatchObject({ code: 'LOG_CONNECTION' });
  });

  it('says at once that an address which cannot be reached comes from a broker', async () => {
    const world = await open();
    world.down.add(3);
    for (let i = 0; i < 2; i++) await expect(world.wire.send(3, 'heartbeat', {} as never)).rejects.toThrow('refused');
    expect(world.warnings).toEqual([
      expect.stringMatching(
        /^The connection to kafka:3 failed: refused\. .*"advertised\.listeners".*"kafka\.addresses"/,
      ),
    ]);
  });

  it('says nothing of the kind where the address was given, or has answered before', async () => {
    const world = await open();
    await world.wire.send(3, 'listOffsets', { topics: [{ topic: 't', partitions: [{ partition: 0 }] }] } as never);
    world.down.add(1).add(3);
    for (const node of [1, 3]) await expect(world.wire.send(node, 'heartbeat', {} as never)).rejects.toThrow('refused');
    expect(world.warnings).toEqual([]);
  });

  it('reaches announced brokers where the options say', async () => {
    const world = await open([1], { 'kafka:3': 'localhost:7' });
    await world.wire.send(3, 'heartbeat', {} as never);
    expect(world.asked).toEqual(['7 Heartbeat']);
  });
});
