import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../libs/streams/src/log/log.js';
import { partitionForKey } from '../../libs/streams/src/log/partitioner.js';
import { KafkaCluster } from '../kafka/cluster.js';
import { compare, compareScan, lagOf, openLog } from './checks/comparison.js';
import { AppFleet } from './faults/app-fleet.js';
import { APP_FAULT_KINDS } from './faults/app-faults.js';
import { runFaults, type FaultLaneOptions } from './faults/fault-lane.js';
import {
  APP_FAULTS,
  BROKER_FAULTS,
  planFaults,
  SESSION_TIMEOUT_MS,
  SHORT_APP_FAULTS,
  SHORT_BROKER_FAULTS,
} from './faults/fault-plan.js';
import { loseOffsets, recreateChangelog } from './faults/outages.js';
import { Random } from './faults/random.js';
import type { Fault, TortureReport } from './report.js';
import { BankModel } from './traffic/bank-model.js';
import { Load } from './traffic/load.js';
import { Queries } from './traffic/queries.js';
import { probeAccounts, Recovery } from './traffic/recovery.js';

const PARTITIONS = 4;
const ACCOUNTS = 60;
const PER_SECOND = 300;
const APPS = ['a', 'b', 'c'];
const TOPICS = ['transactions', 'balance-updates', 'bank-balances-changelog'];
/** Beyond the time that a fault lasts. */
const RECOVERY_LIMIT_MS = 120_000 + SESSION_TIMEOUT_MS;
/** Less than what flows: 300 transactions, outputs and changelog records a second, on three brokers. */
const QUOTA_BYTES_PER_SECOND = 10_000;
const PROGRESS_EVERY_MS = 5000;

export interface TortureOptions {
  readonly seed: number;
  /** For how long faults are made. One of each kind is made in any case. */
  readonly minutes: number;
  /** Cuts the longest faults. Default: as they come, up to 60 s. */
  readonly maxHoldMs?: number;
  /** Leaves out clocks, slow handlers, quotas, and what vanishes at the end. Default: false. */
  readonly isShort?: boolean;
  /** The built example. Default: what `buildApp` makes. */
  readonly entry?: string;
  /** Folder for what the instances and brokers wrote. Default: nowhere. */
  readonly logs?: string;
  readonly report: (line: string) => void;
  /** Ends the run early, and releases everything. */
  readonly signal?: AbortSignal;
}

/** Three instances on three brokers, faults in both, transactions and queries all the time; at the end everything is compared with the model. */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const cluster = await KafkaCluster.start();
  const fleet = new AppFleet(cluster.brokers, APPS, options.entry);
  const log = openLog(cluster.brokers);
  try {
    return await new Torture(options, cluster, fleet, log).run();
  } finally {
    if (options.logs !== undefined) await writeLogs(options.logs, cluster, fleet);
    await fleet.close();
    await log.close();
    await cluster.close();
  }
}

class Torture {
  private readonly startedAt = performance.now();
  private readonly model = new BankModel(ACCOUNTS);
  private readonly probes = probeAccounts(this.model.accountIds, PARTITIONS, (id) =>
    partitionForKey(Buffer.from(id), PARTITIONS),
  );
  private readonly queries: Queries;
  private readonly recovery: Recovery;
  private readonly load: Load;
  private readonly faults: Fault[] = [];
  private readonly mismatches: string[] = [];
  private readonly ending = new AbortController();

  constructor(
    private readonly options: TortureOptions,
    private readonly cluster: KafkaCluster,
    private readonly fleet: AppFleet,
    private readonly log: Log,
  ) {
    const { model, probes } = this;
    const { seed, signal } = options;
    this.queries = new Queries({ targets: fleet.targets, model, random: new Random(seed + 3), probes });
    this.recovery = new Recovery(model, this.queries, probes);
    const random = new Random(seed + 2);
    this.load = new Load({
      log,
      model,
      random,
      topic: 'transactions',
      partitions: PARTITIONS,
      perSecond: PER_SECOND,
    });
    signal?.addEventListener('abort', () => this.ending.abort(), { once: true });
  }

  async run(): Promise<TortureReport> {
    const progress = setInterval(() => this.reportProgress(), PROGRESS_EVERY_MS);
    try {
      for (const id of APPS) {
        await this.fleet.start(id);
        await this.ready(id);
      }
      this.load.start();
      this.queries.start();
      await this.torment();
      await this.settle();
    } catch (error) {
      this.mismatches.push(error instanceof Error ? error.message : String(error));
    } finally {
      clearInterval(progress);
      this.ending.abort();
      await this.queries.stop();
    }
    return this.summary();
  }

  private async torment(): Promise<void> {
    const { faults, startedAt } = this;
    const { minutes, seed, maxHoldMs = Infinity, isShort = false } = this.options;
    const appKinds = isShort ? SHORT_APP_FAULTS : APP_FAULTS;
    const brokerKinds = isShort ? SHORT_BROKER_FAULTS : BROKER_FAULTS;
    const endsAt = performance.now() + minutes * 60_000;
    const run = {
      isTimeUp: () => performance.now() > endsAt,
      elapsedMs: () => performance.now() - startedAt,
      signal: this.ending.signal,
    };
    const apps = planFaults(new Random(seed), { kinds: appKinds, targets: APPS, allowsDouble: true, maxHoldMs });
    const brokers = planFaults(new Random(seed + 1), {
      kinds: brokerKinds,
      targets: this.cluster.nodes.map(String),
      allowsDouble: false,
      maxHoldMs,
    });
    const orEnd = (lane: Promise<void>): Promise<void> =>
      lane.catch((error: unknown) => {
        this.ending.abort();
        throw error;
      });
    const lanes = await Promise.allSettled([
      orEnd(runFaults(this.appLane(apps), { ...run, atLeast: appKinds.length }, faults)),
      orEnd(runFaults(this.brokerLane(brokers), { ...run, atLeast: brokerKinds.length }, faults)),
    ]);
    for (const lane of lanes) if (lane.status === 'rejected') throw lane.reason;
    if (this.ending.signal.aborted) throw new Error('the run was ended early');
  }

  private appLane(
    plan: FaultLaneOptions<(typeof APP_FAULTS)[number]>['plan'],
  ): FaultLaneOptions<(typeof APP_FAULTS)[number]> {
    const { fleet } = this;
    return {
      plan,
      inject: (fault) => APP_FAULT_KINDS[fault.kind].inject(fleet, fault),
      heal: (fault) => APP_FAULT_KINDS[fault.kind].heal(fleet, fault),
      restored: async () => {
        for (const id of APPS) await this.ready(id);
      },
      measure: (fault) => this.measure(fault),
      report: this.options.report,
    };
  }

  private brokerLane(
    plan: FaultLaneOptions<(typeof BROKER_FAULTS)[number]>['plan'],
  ): FaultLaneOptions<(typeof BROKER_FAULTS)[number]> {
    const { cluster } = this;
    return {
      plan,
      inject: async ({ kind, targets }) => {
        const broker = cluster.broker(Number(targets[0]));
        if (kind === 'broker-kill') await broker.kill();
        else if (kind === 'broker-restart') await broker.stop();
        else if (kind === 'broker-quota') await cluster.limitProducers(QUOTA_BYTES_PER_SECOND);
        else broker.pause();
      },
      heal: async ({ kind, targets }) => {
        const broker = cluster.broker(Number(targets[0]));
        if (kind === 'broker-pause') broker.resume();
        else if (kind === 'broker-quota') await cluster.limitProducers(undefined);
        else await broker.boot();
      },
      // Only then may the next broker fail.
      restored: () => cluster.healthy(TOPICS),
      measure: (fault) => this.measure(fault),
      report: this.options.report,
    };
  }

  private measure({ holdMs }: { readonly holdMs: number }): Promise<number | undefined> {
    return this.recovery.measure(holdMs + RECOVERY_LIMIT_MS, this.ending.signal);
  }

  private async ready(id: string): Promise<void> {
    await this.until(`${id} to be ready`, () => this.fleet.isReady(id));
  }

  /** Everything is mended; the rest is processed and then compared. */
  private async settle(): Promise<void> {
    const { fleet, log, model, load } = this;
    this.options.report('all faults are over; waiting for the rest to be processed');
    for (const id of APPS) await this.ready(id);
    await load.stop();
    await this.until('everything to be processed', async () => (await lagOf(log, PARTITIONS)) === 0);
    await this.queries.stop();
    const outage = { brokers: this.cluster.brokers, fleet, ids: APPS };
    if (!this.options.isShort) {
      this.options.report('the offsets are lost, and brought back');
      this.mismatches.push(...(await loseOffsets(outage)));
      for (const id of APPS) await fleet.start(id);
      for (const id of APPS) await this.ready(id);
    }
    const comparison = { log, fleet, model, partitions: PARTITIONS, produced: load.total };
    this.options.report('comparing');
    this.mismatches.push(...(await compare(comparison)));
    const [first, ...others] = APPS;
    for (const id of others) await fleet.stop(id);
    await this.until(`${first} to hold everything`, async () => {
      const { status } = await fleet.get(first, '/stores/balances/entries?limit=1');
      return status === 200;
    });
    this.mismatches.push(...(await compareScan(comparison, first)));
    if (this.options.isShort) return;
    this.options.report('the changelog is another topic');
    this.mismatches.push(...(await recreateChangelog(outage)));
  }

  private async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + RECOVERY_LIMIT_MS;
    while (!(await condition())) {
      if (this.ending.signal.aborted) return;
      if (this.load.failure !== undefined) throw new Error(`the load cannot go on: ${this.load.failure.message}`);
      if (performance.now() > end) throw new Error(`waited ${RECOVERY_LIMIT_MS} ms in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  private reportProgress(): void {
    const { queries, load, probes, model } = this;
    const behind = probes.map((accountId) => model.count(accountId) - queries.newest(accountId));
    const seconds = Math.round((performance.now() - this.startedAt) / 1000);
    if (queries.mismatches.length > 0) this.ending.abort();
    this.options.report(
      `${seconds} s: ${load.total} transactions, ${queries.total} queries, probes behind by ${behind.join(' ')}`,
    );
  }

  private summary(): TortureReport {
    const { queries, load } = this;
    const mismatches = [...this.mismatches, ...queries.mismatches];
    if (this.cluster.hasDroppedMarkers && mismatches.length > 0)
      mismatches.push('a broker dropped transaction markers');
    return {
      seed: this.options.seed,
      minutes: this.options.minutes,
      faults: this.faults.toSorted((a, b) => a.at - b.at),
      records: load.total,
      queries: { total: queries.total, byStatus: Object.fromEntries([...queries.statuses].sort()) },
      verdict: mismatches.length === 0 ? 'equal' : 'different',
      mismatches,
    };
  }
}

async function writeLogs(folder: string, cluster: KafkaCluster, fleet: AppFleet): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'brokers.log'), cluster.output.join('\n'));
  for (const [id, output] of fleet.outputs()) await writeFile(join(folder, `${id}.log`), output);
}
