import { textLines } from './text-lines.js';

export interface ServerSentEvent {
  /** Undefined: a comment. */
  readonly event: string | undefined;
  readonly data: string;
  readonly id: string | undefined;
  /** Milliseconds, where the server says so. */
  readonly retry: number | undefined;
}

const COMMENT: ServerSentEvent = { event: undefined, data: '', id: undefined, retry: undefined };

/** Reads server-sent events (HTML Standard, 9.2.6). */
export async function* eventStream(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  let fields = new Map<string, string>();
  for await (const raw of textLines(body)) {
    const line = raw.replace(/\r$/, '');
    if (line === '') {
      if (fields.size > 0) yield eventOf(fields);
      fields = new Map();
      continue;
    }
    const at = line.indexOf(':');
    if (at === 0) {
      yield COMMENT;
      continue;
    }
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
    const known = fields.get(name);
    fields.set(name, name === 'data' && known !== undefined ? `${known}\n${value}` : value);
  }
}

function eventOf(fields: ReadonlyMap<string, string>): ServerSentEvent {
  const retry = Number(fields.get('retry') ?? Number.NaN);
  return {
    event: fields.get('event') ?? 'message',
    data: fields.get('data') ?? '',
    id: fields.get('id'),
    retry: Number.isFinite(retry) ? retry : undefined,
  };
}
