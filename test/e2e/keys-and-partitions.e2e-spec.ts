import { Ctx, Payload } from '@nestjs/microservices';
import { json, KeyValueStore, SendTo, StateStore, StreamContext, StreamHandler, StreamProcessor } from 'nestjs-streams';
import { describe, expect, it } from 'vitest';
import { StreamsApps, type StreamsApp } from './support/streams-app.js';

const PRODUCTS = ['apple', 'bread', 'cheese', 'dates', 'eggs'];
/** Customer and product; the topic is keyed by customer. */
const ORDERS = Array.from({ length: 60 }, (_, n) => [`customer-${n % 12}`, PRODUCTS[(n * 7) % 5]!] as const);

function ordersOf(product: string): number {
  return ORDERS.filter(([, each]) => each === product).length;
}

async function order(app: StreamsApp): Promise<void> {
  for (const [key, product] of ORDERS) await app.send('orders', { key, value: { product } });
}

type Items = readonly { readonly key: string; readonly value: number }[];

async function items(app: StreamsApp, store: string, query = ''): Promise<Items> {
  return ((await app.fetch(`/stores/${store}/entries?limit=1000${query}`)).json as { items: Items }).items;
}

/** Waits until the counts of a store add up to all orders. */
async function counted(app: StreamsApp, store: string): Promise<void> {
  await expect
    .poll(async () => (await items(app, store)).reduce((sum, { value }) => sum + value, 0), { timeout: 20_000 })
    .toBe(ORDERS.length);
}

interface Order {
  readonly product: string;
}

async function increase<K>(store: KeyValueStore<K, number>, key: K): Promise<void> {
  store.put(key, ((await store.get(key)) ?? 0) + 1);
}

describe('a count per product of orders that are keyed by customer', () => {
  const apps = new StreamsApps();

  it('is refused, and the message names every remedy', async () => {
    @StateStore({ name: 'counts', key: 'string', value: json<number>(), query: true })
    class Counts extends KeyValueStore<string, number> {}
    @StreamProcessor()
    class Counter {
      constructor(private readonly counts: Counts) {}
      @StreamHandler('orders', { value: json<Order>(), prefetch: false })
      count(@Payload() { product }: Order): Promise<void> {
        return increase(this.counts, product);
      }
    }
    const app = await apps.start({ topics: { orders: 4 }, feature: { processors: [Counter], stores: [Counts] } });
    // The failure closes the log, perhaps before all orders are sent.
    await Promise.allSettled([order(app)]);
    await expect.poll(() => app.host.state, { timeout: 20_000 }).toBe('failed');
    const failure = String((app.host.failure as Error).message);
    expect(failure).toMatch(/"counts" of partition \d was given a key of partition \d \(of 4\)/);
    for (const remedy of ['partitionBy', 'partitioner', 'serde of the topic', 'keyed by this key', 'every-partition'])
      expect(failure).toContain(remedy);
  });

  it('is right over a topic that is keyed by product', async () => {
    @StateStore({ name: 'counts', key: 'string', value: json<number>(), query: true })
    class Counts extends KeyValueStore<string, number> {}
    @StreamProcessor()
    class Rekey {
      @StreamHandler('orders', { value: json<Order>() })
      @SendTo('orders-by-product')
      forward(@Payload() { product }: Order, @Ctx() context: StreamContext): void {
        context.forward({ product }, { key: product });
      }
    }
    @StreamProcessor()
    class Counter {
      constructor(private readonly counts: Counts) {}
      @StreamHandler('orders-by-product')
      count(@Ctx() { key }: StreamContext): Promise<void> {
        return increase(this.counts, key as string);
      }
    }
    const app = await apps.start({
      topics: { orders: 4, 'orders-by-product': 3 },
      feature: { processors: [Rekey, Counter], stores: [Counts] },
    });
    await order(app);
    await counted(app, 'counts');
    for (const product of PRODUCTS)
      expect((await app.fetch(`/stores/counts/entries/${product}`)).json).toBe(ordersOf(product));
    expect(await items(app, 'counts')).toHaveLength(PRODUCTS.length);
  });

  it('is one part for each partition with lookup "every-partition"', async () => {
    @StateStore({ name: 'parts', key: 'string', value: json<number>(), query: true, lookup: 'every-partition' })
    class Parts extends KeyValueStore<string, number> {}
    @StreamProcessor()
    class Counter {
      constructor(private readonly parts: Parts) {}
      @StreamHandler('orders', { value: json<Order>(), prefetch: false })
      count(@Payload() { product }: Order): Promise<void> {
        return increase(this.parts, product);
      }
    }
    const app = await apps.start({ topics: { orders: 4 }, feature: { processors: [Counter], stores: [Parts] } });
    await order(app);
    await app.send('orders', { key: 'customer-0', value: { product: 'fig' } });
    await expect.poll(async () => (await app.fetch('/stores/parts/entries/fig')).json, { timeout: 20_000 }).toBe(1);
    for (const product of PRODUCTS) {
      await expect
        .poll(
          async () =>
            (await items(app, 'parts', `&from=${product}&to=${product}`)).reduce((sum, { value }) => sum + value, 0),
          {
            timeout: 20_000,
          },
        )
        .toBe(ordersOf(product));
      const { status, json: answer } = await app.fetch(`/stores/parts/entries/${product}`);
      expect([status, answer]).toMatchObject([409, { code: 'STREAMS_QUERY_KEY_AMBIGUOUS' }]);
    }
    expect((await app.fetch('/stores/parts/entries/nothing')).status).toBe(404);
  });

  it('per customer is right with partitionBy', async () => {
    @StateStore({
      name: 'baskets',
      key: 'string',
      value: json<number>(),
      query: true,
      partitionBy: (key: string) => key.split(':')[0],
    })
    class Baskets extends KeyValueStore<string, number> {}
    @StreamProcessor()
    class Counter {
      constructor(private readonly baskets: Baskets) {}
      @StreamHandler('orders', { value: json<Order>(), prefetch: false })
      count(@Payload() { product }: Order, @Ctx() { key }: StreamContext): Promise<void> {
        return increase(this.baskets, `${key as string}:${product}`);
      }
    }
    const app = await apps.start({ topics: { orders: 4 }, feature: { processors: [Counter], stores: [Baskets] } });
    await order(app);
    await counted(app, 'baskets');
    for (const [customer, product] of ORDERS) {
      const expected = ORDERS.filter(([c, p]) => c === customer && p === product).length;
      expect((await app.fetch(`/stores/baskets/entries/${customer}:${product}`)).json).toBe(expected);
    }
    expect((await app.fetch('/stores/baskets/entries/customer-0:nothing')).status).toBe(404);
  });
});
