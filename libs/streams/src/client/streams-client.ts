import { mergePositions, parsePosition, positionFor, type Position } from './position.js';
import { defaultKeyFormat } from './requests.js';
import type { Session } from './session.js';
import { StoreClient } from './store-client.js';
import { Transport, type TransportOptions } from './transport.js';

/** The stores of an application: `{ balances: { key: string; value: Balance } }`. */
export type StoreTypes = Readonly<Record<string, { readonly key: unknown; readonly value: unknown }>>;

export interface StreamsClientOptions extends TransportOptions {
  /** Of the endpoints, prefix and version of the application included. Default `/stores`. */
  readonly path?: string;
  /**
   * Each answer shows at least what the answers before have shown, the snapshots of feeds among them, and what `observe` was told. Changes that a feed
   * tells do not count: a read upon one may show what was before it. A request carries 8 KiB of positions, some hundred partitions; beyond that it
   * names the partitions seen last. Default false.
   */
  readonly readYourWrites?: boolean;
}

/**
 * Reads the stores of an application of nestjs-streams over its REST endpoints; for Node and browsers.
 *
 * ```ts
 * const client = new StreamsClient<{ balances: { key: string; value: Balance } }>({ urls: ['http://localhost:3000'] });
 * const balance = await client.store('balances').get('acc-0001');
 * ```
 */
export class StreamsClient<S extends StoreTypes> {
  private readonly transport: Transport;
  private readonly session: Session;
  private seen: Position = new Map();

  constructor(private readonly options: StreamsClientOptions) {
    this.transport = new Transport(options);
    this.session = {
      positionFor: (store, further) => positionFor(store, this.seen, parsePosition(further ?? null)),
      observe: (position) => {
        if (options.readYourWrites === true) this.observe(position ?? '');
      },
    };
  }

  /** @param formatKey the text of a key in URLs. Default: text, numbers and booleans as they are written. */
  store<N extends keyof S & string>(
    name: N,
    formatKey: (key: S[N]['key']) => string = defaultKeyFormat,
  ): StoreClient<S[N]['key'], S[N]['value']> {
    const { path = '/stores' } = this.options;
    return new StoreClient(name, `${path}/${encodeURIComponent(name)}`, this.transport, this.session, formatKey);
  }

  /** Later reads show at least this: what `RecordProducer.send` returned, or a record's header `streams-position`. */
  observe(position: string): void {
    this.seen = mergePositions(this.seen, parsePosition(position));
  }
}
