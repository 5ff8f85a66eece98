import type { ApiName, RequestOf, ResponseOf } from '../protocol/messages.js';

/**
 * Stands around every request to an embedded broker, for tests of what goes wrong on the way: wait before `next`, throw instead of calling it, throw
 * after it (the answer is lost), call it twice (the request arrives twice). `role` is the name that the wire was opened with.
 */
export type Interceptor = <A extends ApiName>(
  role: string,
  api: A,
  request: RequestOf<A>,
  next: () => Promise<ResponseOf<A>>,
) => Promise<ResponseOf<A>>;
