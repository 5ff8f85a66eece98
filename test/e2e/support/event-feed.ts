import { get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';

export interface FeedMessage {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** Reads server-sent events. */
export class EventFeed {
  readonly messages: FeedMessage[] = [];
  lastId: string | undefined;
  isEnded = false;

  private constructor(readonly response: IncomingMessage) {
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      rest += text;
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) this.take(block);
    });
    response.on('close', () => (this.isEnded = true));
    response.on('error', () => (this.isEnded = true));
  }

  static async open(url: string, headers: Record<string, string> = {}, timeoutMs = 60_000): Promise<EventFeed> {
    const request = get(url, { headers: { accept: 'text/event-stream', ...headers } });
    request.setTimeout(timeoutMs, () => request.destroy());
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    request.on('error', () => {});
    return new EventFeed(response);
  }

  /** Entries as the feed has told them so far. */
  get state(): Map<string, unknown> {
    const state = new Map<string, unknown>();
    for (const { event, data } of this.messages) {
      const { key, value } = data as { key: string; value: unknown };
      if (event === 'snapshot-begin') state.clear();
      if (event === 'entry' || event === 'put') state.set(key, value);
      if (event === 'delete') state.delete(key);
    }
    return state;
  }

  close(): void {
    this.response.destroy();
  }

  private take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => {
        const at = line.indexOf(': ');
        return [line.slice(0, at), line.slice(at + 2)];
      }),
    );
    const event = fields.get('event');
    if (event === undefined) return;
    const id = fields.get('id');
    if (id !== undefined) this.lastId = id;
    this.messages.push({ event, id, data: JSON.parse(fields.get('data') ?? 'null') });
  }
}
