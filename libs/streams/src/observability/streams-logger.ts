/** Where the core writes its log lines; the Nest adapter forwards to Nest's `Logger`. Never called per record. */
export interface StreamsLogger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string, cause?: unknown): void;
}

/** Says nothing. */
export const silentLogger: StreamsLogger = Object.freeze({ debug() {}, info() {}, warn() {}, error() {} });
