import { bufferOf } from '../../../bytes/buffer-of.js';
import type { Clock } from '../../../time/clock.js';
import { SystemClock } from '../../../time/system-clock.js';
import { QueryError } from '../../problem/query-error.js';
import type { ScanEntry } from '../../scan/merge-streams.js';
import type { ScannedStream } from '../../scan/store-scans.js';
import { weightOf } from '../request/accept.js';
import type { EntryFilter } from '../entry-filter.js';
import type { EntryJson } from './entry-json.js';
import type { QueryRequest, QueryResponse } from './http-answer.js';
import { problemDocument } from './problem-document.js';
import { ResponseStream } from './response-stream.js';

export const NDJSON = 'application/x-ndjson';
const NAMES_NDJSON = /(?:^|,)\s*application\/x-ndjson\s*(?:[,;]|$)/i;

export interface StreamEntriesOptions {
  readonly json: EntryJson;
  readonly passes: EntryFilter | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly limit: number | undefined;
  readonly url: string;
  /** Default: that of the system. */
  readonly clock?: Clock;
}

/** Where it is named, and wanted no less than JSON; who takes anything gets pages. */
export function acceptsNdjson({ headers: { accept } }: QueryRequest): boolean {
  if (accept === undefined || !NAMES_NDJSON.test(accept)) return false;
  const weight = weightOf(accept, NDJSON) ?? 0;
  return weight > 0 && weight >= (weightOf(accept, 'application/json') ?? 0);
}

/**
 * Writes entries as lines of JSON. The status is gone by then, so what goes wrong on the way is the last line, `{"problem": ...}`; the last line of
 * what is complete says so: `{"end": true}`, with `next`, a cursor, where the limit has left entries out.
 */
export async function streamEntries(
  response: QueryResponse,
  { batches, cursorBehind, unreachable }: ScannedStream,
  { json, passes, headers, limit = Infinity, url, clock = new SystemClock() }: StreamEntriesOptions,
): Promise<void> {
  const stream = ResponseStream.open(response, NDJSON, headers);
  // White space before a line belongs to no entry, and every parser of JSON skips it.
  stream.showLife(' ', clock);
  try {
    let left = limit;
    let last: ScanEntry | undefined;
    let next: string | undefined;
    for await (const batch of batches) {
      let text = '';
      for (const entry of batch) {
        if (left === 0) {
          next = last && cursorBehind(last);
          break;
        }
        last = entry;
        if (passes && !(await passes(entry))) continue;
        text += `${json.entry(entry)}\n`;
        left--;
      }
      if (text !== '') await stream.write(text);
      if (next !== undefined) break;
    }
    await stream.write(`${JSON.stringify({ end: true, next, ...(unreachable.length > 0 && { unreachable }) })}\n`);
  } catch (error) {
    if (stream.closed.aborted) return;
    const { body } = problemDocument(error, url);
    await stream.write(`{"problem":${bufferOf(body).toString('utf8')}}\n`).catch(() => {});
    if (!(error instanceof QueryError)) throw error;
  } finally {
    stream.end();
  }
}
