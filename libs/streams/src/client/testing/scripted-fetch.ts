type Answer = Response | Error;

export interface ScriptedFetch {
  readonly fetch: typeof globalThis.fetch;
  /** The URL and the headers of each request. */
  readonly asked: readonly (readonly [string, Headers])[];
}

/** Answers in turn, the last one again and again, and keeps what was asked. */
export function scripted(...answers: readonly Answer[]): ScriptedFetch {
  const asked: [string, Headers][] = [];
  const answer = async (url: string, init?: RequestInit): Promise<Response> => {
    asked.push([url, new Headers(init?.headers)]);
    init?.signal?.throwIfAborted();
    const next = answers[Math.min(asked.length, answers.length) - 1];
    if (next instanceof Error) throw next;
    return next.clone();
  };
  return { fetch: answer as unknown as typeof globalThis.fetch, asked };
}

export function json(
  body: unknown,
  init: { readonly status?: number; readonly headers?: Record<string, string> } = {},
): Response {
  return new Response(JSON.stringify(body), {
    ...init,
    headers: { 'content-type': 'application/json', ...init.headers },
  });
}

export function problem(name: string, status: number, headers: Record<string, string> = {}): Response {
  return json(problemBody(name, status), { status, headers });
}

export function problemBody(name: string, status: number): object {
  return { type: `urn:nestjs-streams:problem:${name}`, status, detail: name, code: name.toUpperCase() };
}
