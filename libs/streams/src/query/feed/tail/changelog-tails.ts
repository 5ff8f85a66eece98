import { ChangelogTail, type ChangelogTailOptions } from './changelog-tail.js';
import type { TailFollower } from './tail-window.js';

/** The tails of an instance: one for each changelog that a feed follows, and none without. */
export class ChangelogTails {
  private readonly tails = new Map<string, ChangelogTail>();

  constructor(private readonly bounds: Pick<ChangelogTailOptions, 'windowMaxBytes' | 'fetchMaxBytes'> = {}) {}

  /** Opens the tail for the first follower, and anew after it has failed; the follower has to leave it. */
  join(follower: TailFollower, options: Omit<ChangelogTailOptions, 'onEnd'>): ChangelogTail {
    const { log, batchMaxBytes, topic, clock } = options;
    let tail = this.tails.get(topic);
    if (tail === undefined) {
      tail = new ChangelogTail({
        ...this.bounds,
        log,
        batchMaxBytes,
        topic,
        clock,
        onEnd: () => this.tails.delete(topic),
      });
      this.tails.set(topic, tail);
    }
    tail.join(follower);
    return tail;
  }

  /** How many there are. */
  get size(): number {
    return this.tails.size;
  }
}
