import { expect, it } from 'vitest';
import { int64Serde } from '../../serdes/binary-serdes.js';
import { json } from '../../serdes/text-serdes.js';
import { StreamsQueryService, type ScanRequest } from '../streams-query.service.js';
import { FakeRuntime, storeDefinition } from '../testing/fake-runtime.js';

it('a scan reads numbers of one sign in order, and refuses a range that crosses zero', async () => {
  const runtime = new FakeRuntime([storeDefinition('longs', int64Serde, json<number>())]);
  const queries = new StreamsQueryService(runtime);
  for (let n = -40n; n < 40n; n++) await runtime.store('longs').put(n, 1);
  const numbers = (first: number, last: number): bigint[] =>
    Array.from({ length: last - first + 1 }, (_, at) => BigInt(first + at));
  const read = async (request: ScanRequest): Promise<unknown[]> => {
    const keys: unknown[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await queries.list('longs', { ...request, limit: 7, ...(cursor !== undefined && { cursor }) });
      keys.push(...page.items.map(({ key }) => key));
      if (page.next === undefined) return keys;
      cursor = page.next;
    }
  };
  expect(await read({ from: '-30', to: '-10' })).toEqual(numbers(-30, -10));
  expect(await read({ from: '10' })).toEqual(numbers(10, 39));
  expect(await read({ to: '-10', order: 'desc' })).toEqual(numbers(-40, -10).reverse());
  expect(await read({ from: '10', to: '-10' })).toEqual([]);
  expect((await queries.count('longs', { from: '0' })).count).toBe(40);
  for (const range of [{ from: '-5', to: '10' }, { from: '-5' }, { to: '10' }]) {
    const refused = expect.objectContaining({
      problem: expect.objectContaining({ name: 'invalid-parameter', status: 400 }),
      message: expect.stringMatching(/"longs".*crosses zero/),
    });
    await expect(queries.list('longs', range)).rejects.toEqual(refused);
    await expect(queries.count('longs', range)).rejects.toEqual(refused);
    await expect(queries.stream('longs', range)).rejects.toEqual(refused);
  }
});
