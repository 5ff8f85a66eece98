// What one would write by hand: a Nest controller on Fastify that looks a key up in RocksDB, with the same entries.
import 'reflect-metadata';
import { Controller, Get, Header, Module, NotFoundException, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { balanceAt, ENTRIES, keyAt } from './entries.js';

const [directory, port] = process.argv.slice(2) as [string, string];
const BATCH = 10_000;

interface Db {
  open(done: (error?: Error) => void): void;
  get(key: string, done: (error: Error | undefined, value: Buffer) => void): void;
  batch(operations: readonly object[], done: (error?: Error) => void): void;
}

const db = (createRequire(import.meta.url)('rocksdb') as (directory: string) => Db)(directory);
await promisify(db.open.bind(db) as (done: (error?: Error) => void) => void)();
const batch = promisify(db.batch.bind(db) as (operations: readonly object[], done: (error?: Error) => void) => void);
for (let from = 0; from < ENTRIES; from += BATCH)
  await batch(
    Array.from({ length: BATCH }, (_, i) => ({ type: 'put', key: keyAt(from + i), value: balanceAt(from + i) })),
  );
const get = promisify(db.get.bind(db)) as (key: string) => Promise<Buffer>;

@Controller('stores/balances/entries')
class BalancesController {
  @Get(':key')
  @Header('content-type', 'application/json')
  async entry(@Param('key') key: string): Promise<Buffer> {
    try {
      return await get(key);
    } catch {
      throw new NotFoundException();
    }
  }
}

@Module({ controllers: [BalancesController] })
class ControllerModule {}

const app = await NestFactory.create(ControllerModule, new FastifyAdapter(), { logger: ['error', 'warn'] });
await app.listen(Number(port), '127.0.0.1');
process.on('message', () => process.send!({ processed: ENTRIES, tasks: [0] }));
