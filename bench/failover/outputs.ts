import type { Log } from '../../libs/streams/src/log/log.js';

interface Arrival {
  readonly at: number;
  readonly by: string;
}

/**
 * Watches when which instance's outputs arrive, committed or not: what counts here is whether records are processed. A consumer of committed records
 * would see nothing of an output partition, whoever writes to it, while the transaction of a dead instance is open there.
 */
export class Outputs {
  private readonly arrivals: Arrival[][];
  private readonly reader;
  private isClosed = false;
  private readonly loop: Promise<void>;

  constructor(
    log: Log,
    private readonly topic: string,
    partitions: number,
  ) {
    this.arrivals = Array.from({ length: partitions }, () => []);
    this.reader = log.openReader({ role: 'bench', isolation: 'read_uncommitted', maxWaitMs: 20 });
    this.loop = this.watch();
  }

  /** Who made the last output from each input partition, for those that had one in the last `withinMs`. */
  owners(withinMs: number): (string | undefined)[] {
    const since = performance.now() - withinMs;
    return this.arrivals.map((all) => {
      const last = all.at(-1);
      return last !== undefined && last.at >= since ? last.by : undefined;
    });
  }

  /** Longest time without an output from the input partition, from `from` on, in ms. */
  longestGap(partition: number, from: number): number {
    let longest = 0;
    let before = from;
    for (const { at } of this.arrivals[partition]!) {
      if (at < from) continue;
      longest = Math.max(longest, at - before);
      before = at;
    }
    return longest;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.loop;
    await this.reader.close();
  }

  private async watch(): Promise<void> {
    await this.reader.assign(this.arrivals.map((_, partition) => ({ topic: this.topic, partition, offset: 0 })));
    while (!this.isClosed) {
      const fetched = this.reader.take();
      if (fetched === undefined) {
        await this.reader.ready(50);
        continue;
      }
      if (fetched.error) throw fetched.error;
      const { chunk } = fetched;
      const at = performance.now();
      for (let i = 0; i < chunk.count; i++) {
        const { by } = JSON.parse(Buffer.from(chunk.value(i)!).toString()) as { by: string };
        // Outputs are partitioned anew, by their keys, which begin with the partition of the input.
        const partition = Number.parseInt(Buffer.from(chunk.key(i)!).toString(), 10);
        this.arrivals[partition]!.push({ at, by });
      }
    }
  }
}
