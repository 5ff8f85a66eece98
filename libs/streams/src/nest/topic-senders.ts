import type { Log } from '../log/log.js';
import type { RecordSender } from '../log/record-sender.js';
import type { Clock } from '../time/clock.js';

/** Each has connections to the brokers. */
const MAX_SENDERS = 16;
const MAX_IDLE_MS = 300_000;

interface OpenSender {
  readonly sender: RecordSender;
  readonly topics: Set<string>;
  /** Calls under way. */
  busy: number;
  usedAt: number;
}

/**
 * One sender for each topic, so that a topic that takes nothing does not delay the others. Beyond 16 topics the least busy sender takes a further
 * topic; unused senders are closed after five minutes.
 */
export class TopicSenders {
  private senders: OpenSender[] = [];

  constructor(private readonly clock: Clock) {}

  async use<T>(log: Log, topic: string, action: (sender: RecordSender) => Promise<T>): Promise<T> {
    const open = this.senderFor(log, topic);
    open.busy++;
    try {
      return await action(open.sender);
    } finally {
      open.busy--;
      open.usedAt = this.clock.monotonic();
    }
  }

  private senderFor(log: Log, topic: string): OpenSender {
    this.closeIdle();
    const own = this.senders.find(({ topics }) => topics.has(topic));
    if (own !== undefined) return own;
    if (this.senders.length >= MAX_SENDERS) {
      const shared = this.senders.reduce((least, each) => (each.busy < least.busy ? each : least));
      shared.topics.add(topic);
      return shared;
    }
    const usedAt = this.clock.monotonic();
    const opened = { sender: log.openSender({ role: 'app' }), topics: new Set([topic]), busy: 0, usedAt };
    this.senders.push(opened);
    return opened;
  }

  private closeIdle(): void {
    const now = this.clock.monotonic();
    const idle = this.senders.filter(({ busy, usedAt }) => busy === 0 && now - usedAt > MAX_IDLE_MS);
    if (idle.length === 0) return;
    this.senders = this.senders.filter((each) => !idle.includes(each));
    // Nothing is under way that could fail.
    for (const { sender } of idle) void sender.close().catch(() => undefined);
  }
}
