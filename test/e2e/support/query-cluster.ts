import { Payload } from '@nestjs/microservices';
import type { ServerOptions } from 'node:https';
import { Ctx } from '@nestjs/microservices';
import {
  json,
  KeyValueStore,
  SendTo,
  StateStore,
  StreamContext,
  StreamHandler,
  StreamProcessor,
  type StateStoreClass,
  type StateStoreOptions,
} from 'nestjs-streams';
import type { INestApplication } from '@nestjs/common';
import { expect } from 'vitest';
import { EmbeddedBroker } from '../../../libs/streams/src/log/embedded/embedded-broker.js';
import { WireLog } from '../../../libs/streams/src/log/client/wire-log.js';
import type { Log } from '../../../libs/streams/src/log/log.js';
import { partitionForKey } from '../../../libs/streams/src/log/partitioner.js';
import { SystemClock } from '../../../libs/streams/src/time/system-clock.js';
import { StreamsHost } from '../../../libs/streams/src/nest/streams-host.js';
import type { AppSetup, RootOptions, StreamsApp, StreamsApps } from './streams-app.js';
import { freePort } from '../../kafka/broker-process.js';

export interface Item {
  readonly n: number;
  readonly tag?: string;
  readonly secret?: string;
}

export const PEER_SECRET = 'a-secret-of-the-tests';

export interface InstanceSetup {
  readonly instanceId: string;
  readonly adapter?: AppSetup['adapter'];
  readonly options?: RootOptions;
  readonly prepare?: (nest: INestApplication) => void;
  readonly https?: ServerOptions;
  /** A topic that each value goes on to, with its position. */
  readonly sendTo?: string;
}

/** A store "items" that holds the last value of each key of the topic "in"; null deletes. */
export function itemStore(
  options: Partial<StateStoreOptions<string, Item>> = {},
  ...decorators: ClassDecorator[]
): StateStoreClass {
  class Items extends KeyValueStore<string, Item> {}
  StateStore<string, Item>({ name: 'items', key: 'string', value: json<Item>(), query: true, ...options })(Items);
  for (const decorate of decorators) decorate(Items);
  return Items as unknown as StateStoreClass;
}

/** Instances of one application, each a Nest application that listens, on one embedded broker. */
export class QueryCluster {
  readonly broker = new EmbeddedBroker({ clock: new SystemClock() });
  readonly log: Log = this.openLog();
  readonly instances: StreamsApp[] = [];

  private constructor(
    private readonly apps: StreamsApps,
    readonly partitions: number,
    readonly store: StateStoreClass,
  ) {}

  static async open(apps: StreamsApps, { partitions = 4, store = itemStore() } = {}): Promise<QueryCluster> {
    const cluster = new QueryCluster(apps, partitions, store);
    apps.onRelease(() => cluster.broker.close());
    apps.onRelease(() => cluster.log.close());
    await cluster.log.connect();
    await cluster.log.admin.createTopics([{ name: 'in', partitions }]);
    return cluster;
  }

  async start({
    instanceId,
    adapter = 'fastify',
    options = {},
    prepare,
    sendTo,
    https,
  }: InstanceSetup): Promise<StreamsApp> {
    const port = await freePort();
    const { store } = this;
    class Keeper {
      constructor(private readonly items: KeyValueStore<string, Item>) {}

      keep(value: Item | null, context: StreamContext): Item | null {
        if (value === null) void this.items.delete(context.key as string);
        else this.items.put(context.key as string, value);
        return value;
      }
    }
    Reflect.defineMetadata('design:paramtypes', [store], Keeper);
    Reflect.defineMetadata('design:paramtypes', [Object, StreamContext], Keeper.prototype, 'keep');
    Payload()(Keeper.prototype, 'keep', 0);
    Ctx()(Keeper.prototype, 'keep', 1);
    const method = Object.getOwnPropertyDescriptor(Keeper.prototype, 'keep')!;
    StreamHandler('in', { key: 'string', value: json<Item>() })(Keeper.prototype, 'keep', method);
    if (sendTo !== undefined) SendTo(sendTo, { positionHeader: true })(Keeper.prototype, 'keep', method);
    StreamProcessor({ name: 'Keeper' })(Keeper);
    const setup: AppSetup = {
      feature: { processors: [Keeper], stores: [store] },
      options: {
        instanceId,
        advertisedUrl: `${https === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
        embedded: undefined,
        group: { sessionTimeout: 2000, heartbeatInterval: 100 },
        peers: { secret: PEER_SECRET, heartbeatInterval: 100 },
        ...options,
      } as RootOptions,
    };
    const nest = await this.apps.create(this.apps.metadataOf(setup), adapter, https);
    Object.assign(nest.get(StreamsHost), { log: Promise.resolve(this.openLog()) });
    prepare?.(nest);
    const app = await this.apps.serve(nest, port);
    this.instances.push(app);
    return app;
  }

  /** Starts instances by name, and waits until each has its share. */
  async startAll(...setups: (string | InstanceSetup)[]): Promise<StreamsApp[]> {
    for (const setup of setups) await this.start(typeof setup === 'string' ? { instanceId: setup } : setup);
    await this.balanced(...this.instances);
    return this.instances;
  }

  async balanced(...instances: StreamsApp[]): Promise<void> {
    const share = Math.floor(this.partitions / instances.length);
    const areBalanced = (): boolean => {
      const counts = instances.map(({ host }) => host.tasks().filter(({ state }) => state === 'running').length);
      return Math.min(...counts) >= share && counts.reduce((sum, count) => sum + count, 0) === this.partitions;
    };
    await expect.poll(areBalanced, { timeout: 20_000, interval: 10 }).toBe(true);
  }

  /** Produces values by key; null deletes. @returns the offset behind the last record of each partition. */
  async put(entries: Iterable<readonly [string, Item | null]>): Promise<void> {
    const producer = this.log.openProducer({ role: 'test' });
    for (const [key, value] of entries) {
      const bytes = Buffer.from(key);
      const body = value === null ? null : Buffer.from(JSON.stringify(value));
      producer.append('in', partitionForKey(bytes, this.partitions), bytes, body, Date.now());
    }
    await producer.flush();
    await producer.close();
  }

  /** Waits until everything that was produced is committed. */
  async processed(): Promise<void> {
    const partitions = Array.from({ length: this.partitions }, (_, partition) => ({ topic: 'in', partition }));
    const ends = await this.log.admin.endOffsets(partitions, 'read_committed');
    const total = ends.reduce((sum, { offset }) => sum + offset, 0);
    const committed = (): number =>
      this.instances
        .flatMap(({ host }) => host.queryableStores())
        .flatMap((store) => partitions.map(({ partition }) => store.local(partition)?.processed('in') ?? 0))
        .reduce((sum, offset) => sum + offset, 0);
    await expect.poll(committed, { timeout: 20_000, interval: 5 }).toBe(total);
  }

  /** A key whose partition this instance owns. */
  keyOf(owner: StreamsApp, prefix = 'k'): string {
    const owned = new Set(owner.host.tasks().map(({ partition }) => partition));
    for (let n = 0; ; n++) if (owned.has(this.partitionOf(`${prefix}${n}`))) return `${prefix}${n}`;
  }

  partitionOf(key: string): number {
    return partitionForKey(Buffer.from(key), this.partitions);
  }

  openLog(): Log {
    return new WireLog({ kind: 'embedded', wires: this.broker.wires, clock: new SystemClock() });
  }
}
