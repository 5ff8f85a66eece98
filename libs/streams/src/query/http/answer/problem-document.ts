import { HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { StreamsError } from '../../../errors/streams-error.js';
import { problemType } from '../../problem/problem-types.js';
import { QueryError } from '../../problem/query-error.js';
import { typedJson } from '../../typed-json.js';
import { entryHeaders } from './freshness-headers.js';
import type { HttpAnswer } from './http-answer.js';

export const OWNER_LOCATION_HEADER = 'Streams-Location';

export interface ProblemAnswer extends HttpAnswer {
  readonly body: Uint8Array;
}

/** The RFC 9457 answer to an error. What is not a query's own problem says nothing of its inside. */
export function problemDocument(error: unknown, originalUrl: string): ProblemAnswer {
  if (error instanceof QueryError) return queryProblem(error, originalUrl);
  if (error instanceof HttpException) {
    const status = error.getStatus();
    return problem(status, { type: 'about:blank', title: STATUS_CODES[status], status, detail: error.message });
  }
  const { type, title, status, code } = problemType('failed');
  const detail = 'The query failed for a reason inside the instance; its log names it.';
  return problem(status, { type, title, status, detail, code: error instanceof StreamsError ? error.code : code });
}

function queryProblem(error: QueryError, originalUrl: string): ProblemAnswer {
  const { type, title, status, code } = error.problem;
  const { owner } = error.members;
  const location = status === 421 && typeof owner === 'string' ? `${owner}${originalUrl}` : undefined;
  return problem(
    status,
    { ...error.members, location, type, title, status, detail: error.message, code },
    {
      ...(error.retryAfterS !== undefined && { 'Retry-After': String(error.retryAfterS) }),
      ...(location !== undefined && { [OWNER_LOCATION_HEADER]: location }),
      ...(error.freshness && entryHeaders(String(error.members['store']), error.freshness)),
    },
  );
}

function problem(status: number, document: object, headers: Record<string, string> = {}): ProblemAnswer {
  const body = Buffer.from(typedJson(document), 'utf8');
  return { status, contentType: 'application/problem+json', body, headers };
}
