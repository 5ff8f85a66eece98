import { Injectable } from '@nestjs/common';
import { Ctx } from '@nestjs/microservices';
import {
  json,
  KeyValueStore,
  RecordProducer,
  SendTo,
  StateStore,
  StreamContext,
  StreamHandler,
  StreamProcessor,
} from 'nestjs-streams';
import { register } from 'prom-client';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { StreamsApps, type StreamsApp } from './support/streams-app.js';

@StateStore({ name: 'counts', key: 'string', value: json<number>(), query: true, lookup: 'every-partition' })
class Counts extends KeyValueStore<string, number> {}

/** Holds handlers until the test lets go. */
@Injectable()
class Gate {
  isShut = false;
  open: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => (this.open = resolve));

  async pass(): Promise<void> {
    if (this.isShut) await this.opened;
  }
}

@StreamProcessor()
class Counter {
  constructor(
    private readonly counts: Counts,
    private readonly gate: Gate,
  ) {}

  @StreamHandler('in')
  @SendTo('out')
  async count(@Ctx() { key }: StreamContext): Promise<number> {
    await this.gate.pass();
    const count = ((await this.counts.get(key as string)) ?? 0) + 1;
    this.counts.put(key as string, count);
    return count;
  }

  @StreamHandler('quiet')
  ignore(): void {}
}

/** The samples of a scrape, `name{labels}` to value. */
async function scrape(app: StreamsApp): Promise<Readonly<Record<string, number>>> {
  const { text } = await app.fetch('/metrics');
  const samples = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))] as const);
  return Object.fromEntries(samples);
}

const REPORTED = { timeout: 5000, interval: 50 };

describe('the metrics of an application', () => {
  const apps = new StreamsApps();
  beforeEach(() => register.clear());

  const feature = { processors: [Counter], stores: [Counts], providers: [Gate] };

  it('count records, commits, lag and tasks', async () => {
    const app = await apps.start({
      topics: { in: 2, quiet: 2, out: 1 },
      options: { metrics: true },
      feature,
    });
    await app.host.whenRunning();
    await expect
      .poll(() => scrape(app), REPORTED)
      .toMatchObject({
        'streams_instance_state{application="app",state="running"}': 1,
        'streams_instance_state{application="app",state="failed"}': 0,
        'streams_tasks{application="app",state="running"}': 2,
        'streams_tasks{application="app",state="restoring"}': 0,
        'streams_consumer_lag_records{application="app",topic="in",partition="0"}': 0,
        'streams_rebalances_total{application="app"}': 1,
      });
    const gate = app.get(Gate);
    gate.isShut = true;
    apps.onRelease(() => gate.open());
    // One batch, so that its first record shows how many there are.
    await app.nest.get(RecordProducer).sendAll(
      'in',
      [1, 2, 3, 4].map((value) => ({ key: 'k', value, partition: 1 })),
    );
    await expect
      .poll(() => scrape(app), REPORTED)
      .toMatchObject({
        'streams_consumer_lag_records{application="app",topic="in",partition="0"}': 0,
        'streams_consumer_lag_records{application="app",topic="in",partition="1"}': 4,
        'streams_consumer_lag_records{application="app",topic="quiet",partition="1"}': 0,
      });
    gate.isShut = false;
    gate.open();
    await app.recordsOnce('out', 4);
    await expect
      .poll(() => scrape(app), REPORTED)
      .toMatchObject({
        'streams_consumer_lag_records{application="app",topic="in",partition="0"}': 0,
        'streams_consumer_lag_records{application="app",topic="in",partition="1"}': 0,
        'streams_records_processed_total{application="app",topic="in"}': 4,
      });
    const samples = await scrape(app);
    const commits = samples['streams_commits_total{application="app",outcome="committed"}']!;
    expect(commits).toBeGreaterThanOrEqual(1);
    expect(samples['streams_commit_latency_seconds_count{application="app"}']).toBe(commits);
    expect(samples['process_cpu_seconds_total']).toBeGreaterThan(0);
    expect(samples['streams_restore_remaining_records{application="app",store="counts",partition="1"}']).toBe(0);
    expect(samples['streams_restore_records_total{application="app",store="counts"}']).toBeUndefined();
  });

  it('count what a restore reads', async () => {
    const options = {
      stateDir: apps.folder(),
      metrics: { defaultMetrics: false, path: '/prometheus' },
      embedded: {
        directory: join(apps.folder(), 'log'),
        topics: { in: { partitions: 1 }, quiet: { partitions: 1 }, out: { partitions: 1 } },
      },
    };
    const first = await apps.start({ options, feature });
    for (let i = 0; i < 6; i++) {
      await first.send('in', { key: `k${i % 3}`, value: 0 });
      await first.recordsOnce('out', i + 1);
    }
    await first.close();
    register.clear();
    const app = await apps.start({ options, feature });
    await app.host.whenRunning();
    const { text } = await app.fetch('/prometheus');
    const value = (name: string): number =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name}{`))
          ?.split(' ')
          .at(-1),
      );
    // One changelog record for each of the commits, as none of them held a key twice.
    expect(value('streams_restore_records_total')).toBe(6);
    expect(value('streams_restore_bytes_total')).toBeGreaterThan(6);
    expect(value('streams_restore_remaining_records')).toBe(0);
    expect((await app.fetch('/metrics')).status).toBe(404);
  });
});
