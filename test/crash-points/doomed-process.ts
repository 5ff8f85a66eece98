import type { ApiName } from '../../libs/streams/src/log/protocol/messages.js';
import type { Wire, WireFactory } from '../../libs/streams/src/log/wire.js';
import type {
  ChangelogPosition,
  StoreEngine,
  StoreEngineContext,
  StoreEngineFactory,
  StoreWrites,
} from '../../libs/streams/src/stores/store-engine.js';

/** A call of the doomed process to the outside: a request to the log, or a call of a store engine. */
export type OutsideCall = `log ${ApiName}` | 'engine open' | 'engine getMany' | 'engine write' | 'engine close';

/** Where the process dies: right before the call is made, or right after it took effect, before its answer is seen. */
export interface CrashPoint {
  readonly call: number;
  readonly side: 'before' | 'after';
}

/** Reads and heartbeats change nothing outside; dying there is dying at the call next to them. */
const UNCOUNTED: ReadonlySet<ApiName> = new Set(['fetch', 'heartbeat', 'describeConfigs']);

/**
 * Stands between one instance and everything that outlives it, and cuts both apart at one call. From then on the instance reaches nothing: its
 * calls stay pending for ever, as those of a process that is gone. What the broker and the disk have stays.
 */
export class DoomedProcess {
  readonly calls: OutsideCall[] = [];
  private readonly engines = new Set<StoreEngine>();
  private readonly engineCalls = new Set<Promise<unknown>>();
  private resolveDeath!: () => void;
  readonly death = new Promise<void>((resolve) => {
    this.resolveDeath = resolve;
  });
  isDead = false;

  constructor(private readonly crashAt?: CrashPoint) {}

  wires(real: WireFactory): WireFactory {
    return (role) => this.wire(real(role));
  }

  engine(real: StoreEngineFactory): StoreEngineFactory {
    return {
      name: real.name,
      isPersistent: real.isPersistent,
      prepare: () => real.prepare(),
      create: (context) => this.wrap(real, context),
    };
  }

  die(): void {
    this.isDead = true;
    this.resolveDeath();
  }

  /** What the end of a real process does by itself: files are closed as they are. */
  async buryEngines(): Promise<void> {
    await Promise.allSettled(this.engineCalls);
    for (const engine of this.engines) await engine.close();
  }

  private wire(real: Wire): Wire {
    return {
      connect: () => this.reach(() => real.connect()),
      close: () => this.reach(() => real.close()),
      track: (topics) => this.reach(() => real.track(topics)),
      refresh: () => this.reach(() => real.refresh()),
      partitions: (topic) => real.partitions(topic),
      leaderOf: (topic, partition) => real.leaderOf(topic, partition),
      anyNode: () => real.anyNode(),
      controller: () => real.controller(),
      coordinator: (key, type) => this.reach(() => real.coordinator(key, type)),
      send: (node, api, request, timeoutMs) => {
        const send = () => real.send(node, api, request, timeoutMs);
        return UNCOUNTED.has(api) ? this.reach(send) : this.call(`log ${api}`, send);
      },
    };
  }

  private wrap(real: StoreEngineFactory, context: StoreEngineContext): StoreEngine {
    const engine = real.create(context);
    this.engines.add(engine);
    return {
      open: () => this.call('engine open', () => this.kept(engine.open())),
      getMany: (keys) => this.call('engine getMany', () => this.kept(engine.getMany(keys))),
      write: (writes: StoreWrites, position: ChangelogPosition) =>
        this.call('engine write', () => this.kept(engine.write(writes, position))),
      openCursor: (bounds, options) => engine.openCursor(bounds, options),
      position: () => this.reach(() => engine.position()),
      approximateEntries: () => this.reach(() => engine.approximateEntries()),
      approximateBytes: () => this.reach(() => engine.approximateBytes()),
      close: () => this.call('engine close', () => this.kept(engine.close())),
      destroy: () => this.reach(() => engine.destroy()),
    };
  }

  private kept<T>(made: Promise<T>): Promise<T> {
    this.engineCalls.add(made);
    const forget = (): unknown => this.engineCalls.delete(made);
    made.then(forget, forget);
    return made;
  }

  private async call<T>(name: OutsideCall, make: () => Promise<T>): Promise<T> {
    const number = this.calls.push(name) - 1;
    const isFatal = this.crashAt?.call === number;
    if (isFatal && this.crashAt.side === 'before') this.die();
    const answer = await this.reach(make);
    if (isFatal) {
      this.die();
      return never();
    }
    return answer;
  }

  private async reach<T>(make: () => Promise<T>): Promise<T> {
    if (this.isDead) return never();
    const made = make();
    try {
      const answer = await made;
      return this.isDead ? await never<T>() : answer;
    } catch (error) {
      if (this.isDead) return await never<T>();
      throw error;
    }
  }
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
