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
  /** Another process may have taken the place of an instance that has failed, and speaks for it then. */
  readonly maySpeak: () => boolean;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
}

/** Instances called at a time. */
const CALLS = 16;
/** An instance that was killed is no member of its group any more by then, and one that is started again answers. */
const WARN_AFTER_MS = 30_000;

/** Of an instance that does not answer. */
interface Silence {
  readonly since: number;
  isWarned: boolean;
}

/** Exchanges reports with every other instance: each tells its own with the question, and gets the other's as the answer. */
export class PeerHeartbeat {
  private cancel: CancelTimer | undefined;
  private isRunning = false;
  private beating: Promise<void> | undefined;
  private readonly silent = new Map<string, Silence>();
  /** URLs at which instances have answered: one that calls here without being reached itself is not known to be where it says. */
  private readonly reached = new Map<string, string>();

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

  /** Asks all instances whose last word is older than half an interval, or that were never reached. */
  async beat(): Promise<void> {
    const { directory, intervalMs, maySpeak } = this.options;
    if (!maySpeak()) return;
    const peers = directory.peers();
    for (const known of [this.silent, this.reached])
      for (const id of known.keys()) if (!peers.has(id)) known.delete(id);
    const due: [id: string, url: string][] = [];
    for (const [id, url] of peers) {
      if (this.reached.get(id) === url && directory.hasHeard(id, intervalMs / 2)) this.noteWord(id);
      else due.push([id, url]);
    }
    const next = due.values();
    await Promise.all(
      Array.from({ length: Math.min(CALLS, due.length) }, async () => {
        for (const [instanceId, url] of next) await this.exchange(instanceId, url);
      }),
    );
  }

  private async exchange(instanceId: string, url: string): Promise<void> {
    const { directory, client, report } = this.options;
    try {
      const answer = await client.call(
        'status',
        { instanceId, url },
        encodeRequest({ op: 'status', status: report() }),
        ({ head }) => reportIn(head['status']),
      );
      directory.learn(instanceId, answer);
      this.reached.set(instanceId, url);
      this.noteWord(instanceId);
    } catch (error) {
      this.noteSilence(instanceId, url, reasonOf(error));
    }
  }

  private noteWord(instanceId: string): void {
    if (this.silent.get(instanceId)?.isWarned === true)
      this.options.logger.info(`The instance "${instanceId}" answers again.`);
    this.silent.delete(instanceId);
  }

  private noteSilence(instanceId: string, url: string, reason: string): void {
    const { clock, logger } = this.options;
    const now = clock.monotonic();
    const silence = this.silent.get(instanceId);
    if (silence === undefined) {
      this.silent.set(instanceId, { since: now, isWarned: false });
      return logger.debug(`The instance "${instanceId}" tells nothing: ${reason}`);
    }
    if (silence.isWarned || now - silence.since < WARN_AFTER_MS) return;
    silence.isWarned = true;
    logger.warn(
      `The instance "${instanceId}" has not answered at ${url} for ${WARN_AFTER_MS / 1000} s, so queries of what it holds fail here: ${reason}`,
    );
  }

  private schedule(delayMs: number): void {
    if (!this.isRunning) return;
    this.cancel = this.options.clock.schedule(delayMs, () => {
      this.beating = this.beat()
        .catch((error: unknown) =>
          this.options.logger.error(`A round of calls to other instances failed: ${reasonOf(error)}`),
        )
        .finally(() => this.schedule(this.options.intervalMs));
    });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Such as ECONNREFUSED.
  const { code } = (error.cause ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? `${error.message} (${code})` : error.message;
}
