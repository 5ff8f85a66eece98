import type { Progress } from '../harness/report.js';
import { runProgram, type Asked, type LoadResult, type Processing } from './processes.js';
import { load, note, PARTITIONS, ROUNDS, SECONDS, type Values } from './values.js';

const QUERIES_PER_SECOND = 1000;
const RECORDS = Number(process.env.BENCH_RECORDS ?? 2_000_000);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Measured {
  /** Records a second. */
  readonly rate: number;
  readonly queries: LoadResult | undefined;
}

/** Records that an application processes while somebody asks it, or another server of the same machine. */
export class Workload {
  constructor(
    private readonly app: Processing,
    private readonly brokers: string,
    private readonly topic: string,
  ) {}

  /** The records wait in the topic, so that nothing but processing is measured. */
  async atHighestRate(asked?: Asked): Promise<Measured> {
    const { app } = this;
    await app.pause(true);
    await this.produce(RECORDS);
    await app.pause(false);
    const measured = await this.measure(asked);
    await this.drained();
    return measured;
  }

  /** As the records come. */
  async atRate(perSecond: number, asked?: Asked): Promise<Measured> {
    const before = (await this.app.state()).processed;
    const producing = this.produce((perSecond * SECONDS) / 2, perSecond);
    while ((await this.app.state()).processed === before) await pause(10);
    const measured = await this.measure(asked);
    await producing;
    await this.drained();
    return measured;
  }

  private async measure(asked: Asked | undefined): Promise<Measured> {
    const from = await this.app.state();
    const startedAt = performance.now();
    const [queries] = await Promise.all([asked && askSteadily(asked), pause(SECONDS * 500)]);
    const { processed } = await this.app.state();
    return { rate: (processed - from.processed) / ((performance.now() - startedAt) / 1000), queries };
  }

  /** @param perSecond 0: as fast as the broker takes them. */
  private async produce(records: number, perSecond = 0): Promise<void> {
    const options = { brokers: this.brokers, topic: this.topic, partitions: PARTITIONS, perSecond };
    await runProgram('./produce.js', [JSON.stringify({ ...options, records: Math.floor(records) })]);
  }

  private async drained(): Promise<void> {
    for (let last = -1, now = 0; last !== now; now = (await this.app.state()).processed) {
      last = now;
      await pause(500);
    }
  }
}

function askSteadily(server: Asked): Promise<LoadResult> {
  return load(server, { rate: QUERIES_PER_SECOND, seconds: SECONDS / 2 });
}

/** An application that is idle, and at its highest rate without and with queries. @returns the rate without them */
export async function upToHighestRate(
  values: Values,
  app: Processing,
  workload: Workload,
  prefix = '',
): Promise<number> {
  note(values, `${prefix}idle`, await askSteadily(app));
  const { rate } = await workload.atHighestRate();
  values.add(`${prefix}processing`, rate, 'records/s');
  const highest = await workload.atHighestRate(app);
  values.add(`${prefix}processing, asked`, highest.rate, 'records/s');
  note(values, `${prefix}highest rate`, highest.queries!);
  return rate;
}

/**
 * Queries of an application that is idle, that processes at half of its highest rate, and at the highest. `controller`, which does nothing but answer, is
 * asked beside the same: that is what the machine leaves to anyone, with broker, producer and generator on the same cores.
 */
export async function besideProcessing(
  values: Values,
  app: Processing,
  controller: Asked,
  brokers: string,
  progress: Progress,
): Promise<void> {
  const workload = new Workload(app, brokers, 'query-in');
  // The broker and the application get warm.
  await workload.atHighestRate(controller);
  await workload.atHighestRate(app);
  for (let round = 1; round <= ROUNDS; round++) {
    progress(`beside processing, round ${round}`);
    note(values, 'controller, idle', await askSteadily(controller));
    const half = (await upToHighestRate(values, app, workload)) / 2;
    values.add('half rate, processing', (await workload.atRate(half)).rate, 'records/s');
    const asked = await workload.atRate(half, app);
    values.add('half rate, processing, asked', asked.rate, 'records/s');
    note(values, 'half rate', asked.queries!);
    note(values, 'controller, half rate', (await workload.atRate(half, controller)).queries!);
    note(values, 'controller, highest rate', (await workload.atHighestRate(controller)).queries!);
  }
}
