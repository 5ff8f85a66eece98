/** An answer that is none: the problem document (RFC 9457) of the server. */
export class StreamsProblem extends Error {
  override readonly name = 'StreamsProblem';

  /** @param members of the document, `hostsTried` among them. */
  constructor(
    readonly status: number,
    /** Such as `key-not-found`; empty if the server says nothing of the kind. */
    readonly problem: string,
    readonly code: string,
    detail: string,
    readonly members: Readonly<Record<string, unknown>>,
    readonly retryAfterMs: number | undefined,
  ) {
    super(detail);
  }

  /** Reads the body of an answer that is not ok. */
  static async of(response: Response): Promise<StreamsProblem> {
    const text = await response.text().catch(() => '');
    return StreamsProblem.from(response.status, documentIn(text), retryAfterMs(response));
  }

  /** @param text a problem document that names its status. */
  static ofText(text: string): StreamsProblem {
    const document = documentIn(text);
    const status = Number(document['status'] ?? 500);
    return StreamsProblem.from(Number.isInteger(status) ? status : 500, document);
  }

  static from(status: number, document: Readonly<Record<string, unknown>>, afterMs?: number): StreamsProblem {
    const text = (name: string): string => (typeof document[name] === 'string' ? document[name] : '');
    const problem = text('type').replace(/^urn:nestjs-streams:problem:/, '');
    const detail = text('detail') || text('message') || `The server answered ${status}.`;
    return new StreamsProblem(status, problem, text('code'), detail, document, afterMs);
  }
}

function documentIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const document = JSON.parse(text) as unknown;
    return typeof document === 'object' && document !== null ? (document as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function retryAfterMs({ headers }: Response): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
