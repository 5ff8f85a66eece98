import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { StreamsError } from '../../../errors/streams-error.js';
import { QueryError } from '../../problem/query-error.js';
import { rawResponse, sendAnswer, type QueryRequest, type QueryResponse } from './http-answer.js';
import { problemDocument } from './problem-document.js';

/** Answers whatever a query, or a guard before it, throws with a problem document. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('StreamsQueries');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const { originalUrl } = http.getRequest<QueryRequest>();
    if (!(error instanceof QueryError) && !(error instanceof HttpException)) this.logger.error(describe(error));
    const response = http.getResponse<QueryResponse>();
    // A body that has begun has told by itself what became of it.
    if (!rawResponse(response).headersSent) sendAnswer(response, problemDocument(error, originalUrl));
  }
}

/**
 * Answers a `QueryError` with the problem document that the generated endpoints give. For controllers of your own that read stores: bind it with
 * `@UseFilters(QueryErrorFilter)`, or for all of them as `APP_FILTER`.
 */
@Catch(QueryError)
export class QueryErrorFilter implements ExceptionFilter<QueryError> {
  private readonly filter = new ProblemFilter();

  catch(error: QueryError, host: ArgumentsHost): void {
    this.filter.catch(error, host);
  }
}

/** Without its message, which may quote a key or a value. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return `A query failed with a ${typeof error} thrown`;
  const name = error instanceof StreamsError ? `${error.name} (${error.code})` : error.name;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return [`A query failed with ${name}`, ...frames].join('\n');
}
