import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { CancelTimer, Clock } from '../../time/clock.js';
import type { PeerClient } from './peer-client.js';
import type { PeerDirectory } from './peer-directory.js';
import { encodeRequest } from './peer-protocol.js';
import { reportIn, type InstanceReport } from './peer-status.js';

export interface PeerHeartbeatOptions {
  readonly directory: PeerDirectory;
  readonly client: PeerClient;
  readonly report: () => InstanceReport;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
}

/** Instances called at a time. */
const CALLS = 16;

/** Exchanges reports with every other instance: each tells its own with the question, and gets the other's as the answer. */
export class PeerHeartbeat {
  private cancel: CancelTimer | undefined;
  private isRunning = false;
  private beating: Promise<void> | undefined;
  private readonly silent = new Set<string>();

  constructor(private readonly options: PeerHeartbeatOptions) {}

  start(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.schedule(0);
  }

  async stop(): Promise<void> {
    this.isRunning = false;
    this.cancel?.();
    await this.beating;
  }

  /** Asks all instances whose last word is older than half an interval. */
  async beat(): Promise<void> {
    const { directory, intervalMs } = this.options;
    const due = [...directory.peers()].filter(([id]) => !directory.hasHeard(id, intervalMs / 2));
    const next = due.values();
    await Promise.all(
      Array.from({ length: Math.min(CALLS, due.length) }, async () => {
        for (const [instanceId, url] of next) await this.exchange(instanceId, url);
      }),
    );
  }

  private async exchange(instanceId: string, url: string): Promise<void> {
    const { directory, client, report, logger } = this.options;
    try {
      const answer = await client.call(
        'status',
        { instanceId, url },
        encodeRequest({ op: 'status', status: report() }),
      );
      directory.learn(instanceId, reportIn(answer.head['status']));
      this.silent.delete(instanceId);
    } catch (error) {
      // Once, until it answers again.
      if (!this.silent.has(instanceId)) logger.debug(`The instance "${instanceId}" tells nothing: ${String(error)}`);
      this.silent.add(instanceId);
    }
  }

  private schedule(delayMs: number): void {
    if (!this.isRunning) return;
    this.cancel = this.options.clock.schedule(delayMs, () => {
      this.beating = this.beat().finally(() => this.schedule(this.options.intervalMs));
    });
  }
}
