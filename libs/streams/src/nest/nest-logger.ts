import { Logger } from '@nestjs/common';
import type { StreamsLogger } from '../observability/streams-logger.js';
import { stackOf } from '../errors/reason-of.js';

/** The core's log lines in Nest's own log. */
export class NestStreamsLogger implements StreamsLogger {
  private readonly logger = new Logger('Streams');

  debug(message: string): void {
    this.logger.debug(message);
  }

  info(message: string): void {
    this.logger.log(message);
  }

  warn(message: string): void {
    this.logger.warn(message);
  }

  error(message: string, cause?: unknown): void {
    this.logger.error(message, cause instanceof Error ? stackOf(cause) : cause);
  }
}
