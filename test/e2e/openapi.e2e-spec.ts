import { ApiProperty, DocumentBuilder } from '@nestjs/swagger';
import { createStreamsDocument } from 'nestjs-streams/swagger';
import { VersioningType, type INestApplication } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { QUERY_ENDPOINTS } from '../../libs/streams/src/query/http/endpoint-table.js';
import { itemStore, QueryCluster } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

class ItemDto {
  @ApiProperty({ type: 'integer' })
  readonly n!: number;
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: unknown }>> }>
  >;
}

describe.each(['fastify', 'express'] as const)('the OpenAPI document on %s', (adapter) => {
  const apps = new StreamsApps();

  it('describes every endpoint of every store, under the prefix and the version of the application', async () => {
    const cluster = await QueryCluster.open(apps, { store: itemStore({ query: { dto: ItemDto } }) });
    const prepare = (nest: INestApplication): void => {
      nest.setGlobalPrefix('api');
      nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
    };
    const [a] = await cluster.startAll({ instanceId: 'a', adapter, prepare, options: { query: { version: '1' } } });
    const document = createStreamsDocument(a.nest, new DocumentBuilder().setTitle('Items').build());
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths).filter((path) => path.includes('{store}'))).toEqual([]);
    const ids = new Set<string>();
    for (const endpoint of QUERY_ENDPOINTS) {
      if (!endpoint.path.includes(':store')) continue;
      const path = `/api/v1${endpoint.path.replace(':store', 'items').replace(':key', '{key}')}`;
      const item = document.paths[path] as unknown as Record<string, Operation>;
      const operation = item[endpoint.method.toLowerCase()];
      ids.add(operation.operationId);
      const parameters = operation.parameters.filter((each) => each.in === 'query').map(({ name }) => name);
      expect([path, parameters]).toEqual([path, [...endpoint.parameters]]);
      expect(Object.keys(operation.responses).map(Number)).toEqual(expect.arrayContaining([...endpoint.statuses, 431]));
      for (const [status, { content = {} }] of Object.entries(operation.responses))
        if (Number(status) >= 400) expect(content).toHaveProperty(['application/problem+json']);
    }
    expect(ids.size).toBe(QUERY_ENDPOINTS.filter(({ path }) => path.includes(':store')).length);
    expect(ids).toContain('getItems');
    const headers = (path: string): string[] =>
      (document.paths[`/api/v1/stores/items${path}`] as unknown as { readonly get: Operation }).get.parameters.flatMap(
        (each) => (each.in === 'header' ? [each.name] : []),
      );
    expect(headers('/entries/{key}')).toEqual(['Prefer', 'Streams-Min-Position', 'If-None-Match']);
    expect(headers('/entries')).toEqual(['Prefer', 'Streams-Min-Position']);
    expect(headers('/changes')).toEqual(['Last-Event-ID']);
    expect(headers('/metadata')).toEqual([]);
    const entry = document.paths['/api/v1/stores/items/entries/{key}'] as unknown as { get: Operation };
    expect(entry.get.responses['200'].content!['application/json'].schema).toMatchObject({
      anyOf: [{ $ref: '#/components/schemas/ItemDto' }, { type: 'object' }],
    });
    expect(document.components!.schemas!['ItemDto']).toMatchObject({ properties: { n: { type: 'integer' } } });
    // What it describes is there.
    await cluster.put([['k1', { n: 1 }]]);
    await cluster.processed();
    expect((await a.fetch('/api/v1/stores/items/entries/k1')).json).toEqual({ n: 1 });
  });
});
