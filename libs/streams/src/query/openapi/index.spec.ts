import { Module, type INestApplication, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { ApiProperty, ApiSchema, DocumentBuilder } from '@nestjs/swagger';
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

function storeOf(name: string, query: StoreQueryOptions<string, unknown> = {}): StoreDefinition {
  const value = json<unknown>();
  @StateStore({ name, key: 'string', value, query })
  class Store extends KeyValueStore<string, unknown> {}
  return storeDefinition(name, stringSerde, value, { storeClass: Store as never });
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
  ): Promise<Document> {
    @Module({ controllers, providers: [{ provide: STREAMS_RUNTIME, useValue: new FakeRuntime(stores) }] })
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
});
