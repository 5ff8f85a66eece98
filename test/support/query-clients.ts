import { EventFeed } from '../e2e/support/event-feed.js';
import type { Account, AccountHistory } from './query-checks.js';

/** What a problem document may say while instances come and go. */
const PASSING = new Set([429, 502, 503, 504]);
const TIMEOUT_MS = 8000;

/** Asks without end, checks every answer against what was known, and keeps what is wrong. */
export abstract class QueryClient {
  answers = 0;
  refusals = 0;
  readonly faults: string[] = [];
  protected isStopped = false;
  protected readonly restMs: number = 5;
  private done: Promise<void> | undefined;

  constructor(
    protected readonly urls: () => readonly string[],
    protected readonly history: AccountHistory,
  ) {}

  start(): this {
    this.done = this.run();
    return this;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.done;
  }

  protected abstract ask(url: string): Promise<void>;

  protected async run(): Promise<void> {
    while (!this.isStopped) {
      const urls = this.urls();
      const url = urls[Math.floor(Math.random() * urls.length)];
      try {
        await this.ask(url);
      } catch (error) {
        // Whoever is asked may be killed or stand still; what it has answered by then is checked.
        if (error instanceof FaultError) this.faults.push(error.message);
        else this.refusals++;
      }
      if (this.restMs > 0) await new Promise((resolve) => setTimeout(resolve, this.restMs));
    }
  }

  /** @returns undefined for a refusal that passes. */
  protected async fetch(
    url: string,
    headers: Record<string, string> = {},
    body?: object,
  ): Promise<Response | undefined> {
    const response = await fetch(url, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: { ...headers, ...(body && { 'Content-Type': 'application/json' }) },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok || response.status === 404) return response;
    const text = await response.text();
    if (!PASSING.has(response.status)) throw new FaultError(`${url}: ${response.status} ${text}`);
    // Fastify itself answers 503 while it closes.
    const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
    if (!isProblem && response.status !== 503)
      throw new FaultError(`${url}: ${response.status} without a problem document`);
    this.refusals++;
    return undefined;
  }

  protected check(account: string, value: Account | undefined, askedAt: number, response: Response): void {
    const stalenessMs = Number(response.headers.get('streams-staleness') ?? Infinity);
    const fault = this.history.fault(account, value, askedAt, stalenessMs);
    if (fault !== undefined) throw new FaultError(`${response.headers.get('streams-instance')}: ${fault}`);
  }
}

class FaultError extends Error {}

/** Reads single accounts. */
export class PointReader extends QueryClient {
  /** @param query such as `?staleness=5s`, with the most that answers may then be old. */
  constructor(
    urls: () => readonly string[],
    history: AccountHistory,
    private readonly query = '',
    private readonly maxStalenessMs = Infinity,
  ) {
    super(urls, history);
  }

  protected async ask(url: string): Promise<void> {
    const { accounts } = this.history;
    const account = accounts[Math.floor(Math.random() * accounts.length)];
    const askedAt = performance.now();
    const response = await this.fetch(`${url}/stores/balances/entries/${account}${this.query}`);
    if (response === undefined) return;
    const body = (await response.json()) as Account;
    this.answers++;
    if (response.status === 404) return this.check(account, undefined, askedAt, response);
    this.check(account, body, askedAt, response);
    if (Number(response.headers.get('streams-staleness')) > this.maxStalenessMs)
      throw new FaultError(`${account}: older than ${this.maxStalenessMs} ms`);
  }
}

/** Reads an account, alone or among others, each time at least as fresh as what it has seen before, wherever. */
export class SessionReader extends QueryClient {
  protected override readonly restMs = 0;
  private readonly offsets = new Map<string, number>();
  private readonly counts = new Map<string, number>();
  private account = '';

  protected async ask(url: string): Promise<void> {
    // The same again at once, elsewhere: a copy that is behind by a little would show.
    if (this.account === '' || Math.random() < 0.3) this.account = this.anyAccount();
    const askedAt = performance.now();
    const found = await this.look(`${url}/stores/balances`);
    if (found === undefined) return;
    const { response, values } = found;
    this.answers++;
    for (const [account, value] of values) {
      this.check(account, value, askedAt, response);
      const before = this.counts.get(account) ?? 0;
      if (value.count < before) throw new FaultError(`${account} went back from ${before} to ${value.count}`);
      this.counts.set(account, value.count);
    }
    for (const [, key, offset] of response.headers.get('streams-position')!.matchAll(/([^,]+):(\d+)/g))
      this.offsets.set(key, Math.max(this.offsets.get(key) ?? 0, Number(offset)));
  }

  private async look(
    store: string,
  ): Promise<{ readonly response: Response; readonly values: [string, Account][] } | undefined> {
    const { account } = this;
    const way = Math.random();
    if (way < 0.6) {
      const response = await this.fetch(`${store}/entries/${account}?staleness=1h`, this.session());
      if (response === undefined || response.status === 404) return undefined;
      return { response, values: [[account, (await response.json()) as Account]] };
    }
    const others = Array.from({ length: 4 }, () => this.anyAccount());
    const response =
      way < 0.8
        ? await this.fetch(`${store}/lookup?staleness=1h`, this.session(), { keys: [account, ...others] })
        : await this.fetch(`${store}/entries?from=${account}&limit=10&staleness=1h`, this.session());
    if (response === undefined) return undefined;
    const { items } = (await response.json()) as { items: { key: string; value?: Account | null }[] };
    return { response, values: items.flatMap(({ key, value }) => (value ? [[key, value] as [string, Account]] : [])) };
  }

  private session(): Record<string, string> {
    const token = Array.from(this.offsets, ([key, offset]) => `${key}:${offset}`).join(',');
    return { Prefer: 'wait=3', ...(token === '' ? {} : { 'Streams-Min-Position': token }) };
  }

  private anyAccount(): string {
    const { accounts } = this.history;
    return accounts[Math.floor(Math.random() * accounts.length)];
  }
}

/** Reads all accounts, in pages and as NDJSON. */
export class ScanReader extends QueryClient {
  protected async ask(url: string): Promise<void> {
    const askedAt = performance.now();
    const isStreamed = Math.random() < 0.5;
    const found = isStreamed ? await this.stream(url, askedAt) : await this.pages(url, askedAt);
    if (found === undefined) return;
    this.answers++;
    const keys = found.map(({ key }) => key);
    if (new Set(keys).size !== keys.length) throw new FaultError(`a scan has told entries twice: ${keys.join(' ')}`);
    if (keys.join() !== keys.toSorted().join()) throw new FaultError('a scan is not in order');
  }

  private async pages(url: string, askedAt: number): Promise<{ readonly key: string }[] | undefined> {
    const found: { key: string; value: Account }[] = [];
    let cursor: string | undefined;
    do {
      const query = `limit=20${cursor === undefined ? '' : `&cursor=${cursor}`}`;
      const response = await this.fetch(`${url}/stores/balances/entries?${query}`);
      if (response === undefined) return undefined;
      const page = (await response.json()) as { items: typeof found; next?: string; unreachable?: unknown };
      if (page.unreachable !== undefined) throw new FaultError('a page is partial, and nobody asked for that');
      for (const { key, value } of page.items) this.check(key, value, askedAt, response);
      found.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined);
    this.complete(found, askedAt);
    return found;
  }

  private async stream(url: string, askedAt: number): Promise<{ readonly key: string }[] | undefined> {
    const response = await this.fetch(`${url}/stores/balances/entries`, { accept: 'application/x-ndjson' });
    if (response === undefined) return undefined;
    const lines = (await response.text()).trimEnd().split('\n');
    const parsed = lines.map(
      (line) => JSON.parse(line) as { key: string; value: Account; end?: true; problem?: unknown },
    );
    const last = parsed.pop();
    if (last?.problem !== undefined) return undefined;
    if (last?.end !== true) throw new FaultError('a stream has ended without its last line');
    for (const { key, value } of parsed) this.check(key, value, askedAt, response);
    this.complete(parsed, askedAt, Number(response.headers.get('streams-staleness') ?? Infinity));
    return parsed;
  }

  private complete(found: readonly { readonly key: string }[], askedAt: number, stalenessMs = 1000): void {
    const keys = new Set(found.map(({ key }) => key));
    for (const account of this.history.accounts)
      if (!keys.has(account) && this.history.knownAt(account, askedAt - stalenessMs) > 0)
        throw new FaultError(`a scan lacks ${account}`);
  }
}

/** Follows all accounts, and takes the feed up wherever it can when it breaks off. */
export class FeedReader extends QueryClient {
  readonly state = new Map<string, Account>();
  resumed = 0;
  private lastId: string | undefined;
  private isSnapshotDone = false;

  protected async ask(url: string): Promise<void> {
    const isResumed = this.lastId !== undefined;
    const feed = await EventFeed.open(
      `${url}/stores/balances/changes`,
      isResumed ? { 'last-event-id': this.lastId! } : {},
      TIMEOUT_MS,
    );
    if (feed.response.statusCode !== 200) {
      feed.close();
      if (!PASSING.has(feed.response.statusCode!)) throw new FaultError(`the feed answers ${feed.response.statusCode}`);
      this.refusals++;
      return;
    }
    if (isResumed) this.resumed++;
    try {
      // Not for ever with one: a client that moves is what is tested.
      const until = performance.now() + 2000 + Math.random() * 4000;
      for (let taken = 0; !feed.isEnded && (performance.now() < until || !this.isSnapshotDone) && !this.isStopped;) {
        for (; taken < feed.messages.length; taken++) this.take(feed.messages[taken]);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      feed.close();
    }
  }

  /** Reads on until the state is that of the history. */
  get isComplete(): boolean {
    const { final } = this.history;
    return (
      final.size === this.state.size && [...final].every(([key, { count }]) => this.state.get(key)?.count === count)
    );
  }

  private take({ event, id, data }: EventFeed['messages'][number]): void {
    const { key, value } = data as { key: string; value: Account };
    this.answers++;
    if (event === 'snapshot-begin') {
      this.state.clear();
      this.lastId = undefined;
      this.isSnapshotDone = false;
    }
    if (event === 'snapshot-end') this.isSnapshotDone = true;
    if (event === 'problem') this.refusals++;
    if (event === 'delete') throw new FaultError(`${key} was deleted`);
    if (event === 'entry' || event === 'put') {
      const before = this.state.get(key)?.count ?? 0;
      const fault = this.history.fault(key, value, -Infinity, 0);
      if (fault !== undefined) throw new FaultError(`the feed: ${fault}`);
      if (value.count <= before) throw new FaultError(`the feed: ${key} went from ${before} to ${value.count}`);
      this.state.set(key, value);
    }
    if (id !== undefined) this.lastId = id;
  }
}
