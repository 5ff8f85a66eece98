import { LogError } from '../../../errors/log-error.js';
import type { Clock } from '../../../time/clock.js';

/** No answer came in time; the request may still be under way. */
export class LateAnswerError extends LogError {
  constructor(what: string, limitMs: number) {
    super('retriable', 'LOG_CONNECTION', `${what} was not answered within ${limitMs} ms.`);
  }
}

/** Settles as `answer` does. @throws LateAnswerError after `limitMs`. */
export function within<T>(clock: Clock, limitMs: number, what: string, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(limitMs, () => reject(new LateAnswerError(what, limitMs)));
    void answer.then(resolve, reject).finally(cancel);
  });
}
