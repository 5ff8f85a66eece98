import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../observability/streams-logger.js';
import { ManualClock } from '../../testing/manual-clock.js';
import type { ApiCodec } from '../protocol/api-codec.js';
import { metadataCodec, type ClusterMetadata } from '../protocol/cluster-codecs.js';
import { ClusterWire } from './cluster-wire.js';
import { connectionFailure, type NodeAddress, type NodeConnection } from './node-connection.js';

/** Brokers on port numbers; those in `silent` take requests and never answer. */
class World {
  readonly clock = new ManualClock();
  readonly silent = new Set<number>();
  readonly down = new Set<number>();
  readonly asked: string[] = [];
  readonly warnings: string[] = [];
  members = [1, 2, 3];
  readonly wire: ClusterWire;

  constructor(seeds: readonly number[] = [1]) {
    this.wire = new ClusterWire({
      brokers: seeds.map((port) => `kafka:${port}`),
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
    const request = <Q, R>(codec: ApiCodec<Q, R>, _: Q, timeoutMs: number): Promise<R> => {
      this.asked.push(`${port} ${codec.name}`);
      if (this.down.has(port)) return Promise.reject(connectionFailure(address, 'refused'));
      if (!this.silent.has(port)) return Promise.resolve(this.answer(codec.name) as R);
      this.clock.schedule(timeoutMs, () => close(`no answer within ${timeoutMs} ms`));
      return new Promise((_resolve, reject) => waiting.add(reject));
    };
    return { request, close };
  }

  private answer(api: string): unknown {
    const metadata: ClusterMetadata = {
      brokers: this.members.map((nodeId) => ({ nodeId, host: 'kafka', port: nodeId })),
      controller: this.members[0],
      topics: [{ error: 0, name: 't', partitions: [{ error: 0, partition: 0, leader: this.members.at(-1)! }] }],
    };
    if (api === metadataCodec.name) return metadata;
    return api === 'FindCoordinator' ? { error: 0, message: null, nodeId: 2, host: 'kafka', port: 2 } : { error: 0 };
  }
}

describe('a wire to a cluster', () => {
  const worlds: World[] = [];
  const open = async (seeds?: readonly number[]): Promise<World> => {
    const world = new World(seeds);
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
    expect(asked.filter((each) => each.endsWith('FindCoordinator'))).toEqual([
      '1 FindCoordinator',
      '2 FindCoordinator',
    ]);
    asked.length = 0;
    expect(await wire.coordinator('g', 'group')).toBe(2);
    expect(asked).toEqual(['2 FindCoordinator']);
    expect(wire.anyNode()).not.toBe(1);
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
});
