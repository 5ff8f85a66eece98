import { Controller, Delete, Get, Module, Param, Post, type INestApplication, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiSchema, DocumentBuilder } from '@nestjs/swagger';
import { afterEach, describe, expect, it } from 'vitest';
import { StateStore, type StoreQueryOptions } from '../../decorators/state-store.decorator.js';
import { STREAMS_RUNTIME } from '../../nest/tokens.js';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { KeyValueStore } from '../../stores/key-value/key-value-store.js';
import type { StoreDefinition } from '../../topology/store-definition.js';
import { storesController } from '../http/stores-controller.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';
import { createStreamsDocument } from './index.js';

interface Described {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly schema: { readonly pattern?: string } }[];
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, { schema: object }>> }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties: object }>> };
}

@ApiSchema({ name: 'Balance' })
class BalanceView {
  @ApiProperty({ type: 'integer' })
  readonly balance!: number;
}

class StreamsProblem {
  @ApiProperty({ type: 'string' })
  readonly flow!: string;
}

class Problem {
  @ApiProperty({ type: 'string' })
  readonly riddle!: string;

  @ApiProperty({ type: StreamsProblem })
  readonly streams!: StreamsProblem;
}

@Controller()
class ProblemsController {
  @Get('problems')
  @ApiOkResponse({ type: Problem })
  problems(): void {}
}

@Controller('shops')
class ShopsController {
  @Post(':store/lookup')
  lookup(@Param('store') _store: string): void {}

  @Get(':store/hours')
  hours(@Param('store') _store: string): void {}
}

/** Beside those of ours, on their own paths. */
@Controller('stores')
class NeighbourController {
  @Get(':store/hours')
  hours(@Param('store') _store: string): void {}

  @Delete(':store')
  drop(@Param('store') _store: string): void {}

  @Post('balances')
  open(): void {}
}

@Controller('items')
class ItemsController {
  @Get()
  @ApiOperation({ operationId: 'getItems' })
  items(): void {}
}

function storeOf(name: string, query: StoreQueryOptions<string, unknown> = {}): StoreDefinition {
  const value = json<unknown>();
  @StateStore({ name, key: 'string', value, query })
  class Store extends KeyValueStore<string, unknown> {}
  return storeDefinition(name, stringSerde, value, { storeClass: Store as never });
}

function idsOf({ paths }: Document): string[] {
  return Object.values(paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId));
}

describe('the OpenAPI document', () => {
  let app: INestApplication | undefined;
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  async function documentOf(
    stores: readonly StoreDefinition[],
    controllers: Type<object>[] = [storesController()],
    runtime = new FakeRuntime(stores),
  ): Promise<Document> {
    @Module({ controllers, providers: [{ provide: STREAMS_RUNTIME, useValue: runtime }] })
    class AppModule {}
    app = await NestFactory.create(AppModule, new ExpressAdapter(), { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    return createStreamsDocument(app, new DocumentBuilder().build()) as unknown as Document;
  }

  it('refers to what describes the values by the name that @ApiSchema gives it', async () => {
    const document = await documentOf([storeOf('balances', { dto: BalanceView })]);
    expect(document.components.schemas).toHaveProperty('Balance.properties.balance');
    const named = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/([^"]+)/g)].map(([, name]) => name);
    expect(new Set(named)).toEqual(new Set(Object.keys(document.components.schemas)));
  });

  it('leaves schemas of the application what they are, whatever they are called', async () => {
    const document = await documentOf([storeOf('balances')], [storesController(), ProblemsController]);
    const { Problem, StreamsProblem, StreamsProblem2 } = document.components.schemas;
    expect(Problem.properties).toHaveProperty('riddle');
    expect(StreamsProblem.properties).toHaveProperty('flow');
    expect(StreamsProblem2.properties).toHaveProperty('retryAfterS');
    const { content } = document.paths['/stores/balances/count'].get.responses['503'];
    expect(content['application/problem+json'].schema).toEqual({ $ref: '#/components/schemas/StreamsProblem2' });
  });

  it('leaves routes of the application that look like those of stores', async () => {
    const document = await documentOf([storeOf('balances')], [storesController(), ShopsController]);
    const paths = Object.keys(document.paths);
    expect(paths).toEqual(
      expect.arrayContaining(['/shops/{store}/lookup', '/shops/{store}/hours', '/stores/balances']),
    );
    expect(paths.filter((path) => path.startsWith('/shops/balances'))).toEqual([]);
    expect(paths.filter((path) => path.startsWith('/stores/{store}'))).toEqual([]);
  });

  it('leaves routes of the application that are on paths of stores', async () => {
    const { paths } = await documentOf([storeOf('balances')], [storesController(), NeighbourController]);
    expect(Object.keys(paths['/stores/{store}/hours'])).toEqual(['get']);
    expect(Object.keys(paths['/stores/{store}'])).toEqual(['delete']);
    expect(Object.keys(paths['/stores/balances']).sort()).toEqual(['get', 'post']);
  });

  it('describes the stores of a controller that extends the generated one, or has no path', async () => {
    @Controller('extended')
    class ExtendedController extends storesController() {
      @Get(':store/hours')
      hours(@Param('store') _store: string): void {}
    }
    const { paths } = await documentOf([storeOf('balances')], [ExtendedController, storesController('')]);
    const own = Object.keys(paths).filter((path) => path.includes('{store}'));
    expect(own).toEqual(['/extended/{store}/hours']);
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/', '/balances', '/extended', '/extended/balances']));
  });

  it('shows nothing of how operations are told apart', async () => {
    expect(JSON.stringify(await documentOf([storeOf('balances')]))).not.toContain('x-nestjs-streams');
  });

  it.each([[['a-b', 'a_b', 'a-b-2']], [['x', 'x-entry']], [['stores']]])(
    'gives each operation of the stores %j an id of its own, in whatever order they are found',
    async (names) => {
      const stores = names.map((name) => storeOf(name));
      const document = await documentOf(stores);
      expect(new Set(idsOf(document)).size).toBe(idsOf(document).length);
      await app?.close();
      expect(await documentOf(stores.toReversed())).toEqual(document);
    },
  );

  it('numbers ids that several stores, the application or another controller of stores have already', async () => {
    const stores = ['a_b', 'a-b', 'items'].map((name) => storeOf(name));
    const { paths } = await documentOf(stores, [storesController(), ItemsController, storesController('again')]);
    expect(paths['/items'].get.operationId).toBe('getItems');
    const id = (path: string): string => paths[path].get.operationId;
    expect(['items', 'a-b', 'a_b'].map((name) => id(`/stores/${name}/entries/{key}`))).toEqual([
      'getItems2',
      'getAB',
      'getAB2',
    ]);
    expect(['/stores', '/again', '/again/a-b'].map(id)).toEqual(['listStores', 'listStores2', 'describeAB3']);
  });

  it('describes a staleness as it is read', async () => {
    const { paths } = await documentOf([storeOf('balances')]);
    const { parameters } = paths['/stores/balances/count'].get;
    const pattern = new RegExp(parameters.find(({ name }) => name === 'staleness')!.schema.pattern!);
    const url = `${await app!.getUrl()}/stores/balances/count?staleness=`;
    for (const text of ['0', '15', '250ms', '1.5s', '2m', '0.5h', '1d', '1.5', '.5s', '1.s', '-1', '5y', 's', '']) {
      const { status } = await fetch(`${url}${text}`);
      expect([text, status]).toEqual([text, pattern.test(text) ? 200 : 400]);
    }
  });

  it('describes every line of NDJSON, whichever way it ends', async () => {
    let isBroken = false;
    const map = (value: unknown): unknown => {
      if (isBroken) throw new Error('A value is not what it was.');
      return value;
    };
    const stores = [storeOf('balances', { map })];
    const runtime = new FakeRuntime(stores);
    const { paths } = await documentOf(stores, [storesController()], runtime);
    const { schema } = paths['/stores/balances/entries'].get.responses['200'].content['application/x-ndjson'];
    const { oneOf } = schema as { readonly oneOf: readonly { required: string[]; properties: object }[] };
    const store = runtime.store('balances');
    for (const key of ['a', 'b', 'c']) await store.put(key, { balance: 1 }, 0);
    const endings: string[] = [];
    const read = async (query: string): Promise<void> => {
      const headers = { accept: 'application/x-ndjson' };
      const answer = await fetch(`${await app!.getUrl()}/stores/balances/entries?${query}`, { headers });
      const lines = (await answer.text()).trimEnd().split('\n');
      const members = lines.map((line) => Object.keys(JSON.parse(line) as object));
      for (const names of members) expect(oneOf.filter((each) => allows(each, names))).toHaveLength(1);
      endings.push(String(members.at(-1)));
    };
    await read('');
    await read('limit=2');
    store.set(1, undefined);
    await read('partial=allow');
    isBroken = true;
    await read('partial=allow');
    expect(endings).toEqual(['end', 'end,next', 'end,unreachable', 'problem']);
  });
});

function allows(
  { required, properties }: { required: string[]; properties: object },
  names: readonly string[],
): boolean {
  return required.every((name) => names.includes(name)) && names.every((name) => name in properties);
}
