import type { Freshness } from '../reads/partition-reads.js';
import { StreamsError } from '../../errors/streams-error.js';
import { problemType, type ProblemName, type ProblemType } from './problem-types.js';

export interface QueryErrorOptions {
  readonly cause?: unknown;
  /** Members of the problem document beside the standard ones. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** What the answer would have shown: a missing entry is an answer too. */
  readonly freshness?: Freshness;
  /** Seconds after which the same query may succeed. */
  readonly retryAfterS?: number;
}

/** A query that has no answer here and now. Recovery: what `problem` says; whoever asked gets it as a problem document. */
export class QueryError extends StreamsError {
  override readonly name = 'QueryError';
  readonly problem: ProblemType;
  readonly members: Readonly<Record<string, unknown>>;
  readonly retryAfterS: number | undefined;
  readonly freshness: Freshness | undefined;

  /** With `status` and `statusCode`: Nest, Express and Fastify answer with that status and the message where no filter handles the error. */
  readonly expose = true;

  constructor(problem: ProblemName, message: string, options: QueryErrorOptions = {}) {
    const type = problemType(problem);
    super(type.code, message, options);
    this.problem = type;
    this.members = options.members ?? {};
    this.retryAfterS = options.retryAfterS;
    this.freshness = options.freshness;
  }

  get status(): number {
    return this.problem.status;
  }

  get statusCode(): number {
    return this.problem.status;
  }
}
