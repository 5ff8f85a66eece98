import { Module, type DynamicModule, type INestApplication, type ModuleMetadata, type Type } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  RecordProducer,
  StreamsHost,
  StreamsModule,
  type OutgoingRecord,
  type SendOptions,
  type StreamsFeature,
  type StreamsModuleExtras,
  type StreamsModuleOptions,
} from 'nestjs-streams';
import type { ServerOptions } from 'node:https';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { committedRecords, type CommittedRecord } from '../../support/committed-records.js';

export type RootOptions = Partial<StreamsModuleOptions> & StreamsModuleExtras;

export interface AppSetup {
  /** Partitions by topic, on an embedded log in memory. */
  readonly topics?: Readonly<Record<string, number>>;
  readonly options?: RootOptions;
  readonly feature?: StreamsFeature;
  /** Of the application's own module. */
  readonly app?: ModuleMetadata;
  readonly adapter?: 'fastify' | 'express';
}

/** A Nest application that listens. */
export class StreamsApp {
  constructor(
    readonly nest: INestApplication,
    readonly url: string,
  ) {}

  get host(): StreamsHost {
    return this.nest.get(StreamsHost);
  }

  /** Of any module. */
  get<T extends object>(token: Type<T>): T {
    return this.nest.get<T>(token, { strict: false });
  }

  send<K, V>(topic: string, record: OutgoingRecord<K, V>, options?: SendOptions<K, V>): Promise<string> {
    return this.nest.get(RecordProducer).send(topic, record, options);
  }

  async records(topic: string): Promise<CommittedRecord[]> {
    return committedRecords(await this.host.openLog(), topic);
  }

  /** Waits until `count` records of the topic are committed. */
  async recordsOnce(topic: string, count: number): Promise<CommittedRecord[]> {
    let found: CommittedRecord[] = [];
    await expect
      .poll(async () => (found = await this.records(topic)).length, { timeout: 10_000, interval: 10 })
      .toBeGreaterThanOrEqual(count);
    return found;
  }

  async fetch(path: string): Promise<{ readonly status: number; readonly text: string; readonly json: unknown }> {
    const response = await fetch(`${this.url}${path}`);
    const text = await response.text();
    return { status: response.status, text, json: jsonOf(text) };
  }

  close(): Promise<void> {
    return this.nest.close();
  }
}

/** Starts applications for the tests of one file; each test's are closed after it, and its folders deleted. */
export class StreamsApps {
  private releases: (() => unknown)[] = [];

  constructor() {
    afterEach(async () => {
      for (const release of this.releases.splice(0).reverse()) await release();
    });
  }

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'streams-e2e-'));
    this.releases.push(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  onRelease(release: () => unknown): void {
    this.releases.push(release);
  }

  /** The options that every test needs; memory engine, quick commits, a folder of its own. */
  options(topics: Readonly<Record<string, number>> = {}): StreamsModuleOptions {
    return {
      applicationId: 'app',
      embedded: {
        topics: Object.fromEntries(Object.entries(topics).map(([name, partitions]) => [name, { partitions }])),
      },
      stateDir: this.folder(),
      defaultEngine: 'memory',
      commitInterval: 10,
    };
  }

  start(setup: AppSetup): Promise<StreamsApp> {
    return this.listen(this.metadataOf(setup), setup.adapter);
  }

  /** Starts an application of this one module. @throws what its start throws; it is closed then too. */
  async listen(metadata: ModuleMetadata, adapter: AppSetup['adapter'] = 'fastify'): Promise<StreamsApp> {
    return this.serve(await this.create(metadata, adapter));
  }

  async serve(nest: INestApplication, port = 0): Promise<StreamsApp> {
    await nest.listen(port, '127.0.0.1');
    return new StreamsApp(nest, await nest.getUrl());
  }

  /** The error that keeps an application of this one module from starting. */
  async failure(metadata: ModuleMetadata): Promise<Error & { readonly problems?: readonly string[] }> {
    try {
      await this.listen(metadata);
    } catch (error) {
      return error as Error;
    }
    throw new Error('The application started.');
  }

  /** What `start` makes of a set-up. */
  metadataOf({ topics, options, feature, app = {} }: AppSetup): ModuleMetadata {
    return {
      ...app,
      imports: [
        StreamsModule.forRoot({ ...this.options(topics), ...options }),
        ...(feature === undefined ? [] : [StreamsModule.forFeature(feature)]),
        ...(app.imports ?? []),
      ],
    };
  }

  /** @param https what a TLS server of Node takes; only with Fastify. */
  async create(
    metadata: ModuleMetadata,
    adapter: AppSetup['adapter'] = 'fastify',
    https?: ServerOptions,
  ): Promise<INestApplication> {
    const module = await Test.createTestingModule({ imports: [moduleOf(metadata)] })
      .setLogger(false as never)
      .compile();
    const nest =
      adapter === 'fastify'
        ? module.createNestApplication(new FastifyAdapter(https === undefined ? {} : ({ https } as object)), {
            logger: false,
          })
        : module.createNestApplication({ logger: false });
    this.releases.push(() => nest.close());
    return nest;
  }
}

export function moduleOf(metadata: ModuleMetadata): Type<object> | DynamicModule {
  @Module(metadata)
  class TestedModule {}
  return TestedModule;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
