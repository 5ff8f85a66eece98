import { applyDecorators, Injectable, SetMetadata } from '@nestjs/common';

export const STREAM_PROCESSOR_METADATA = 'nestjs-streams:stream-processor';

export interface StreamProcessorOptions {
  /** Prefix of the names of its handlers in the topology, errors and logs. Default: the name of the class. */
  readonly name?: string;
}

/**
 * A provider whose `@StreamHandler` methods handle records. One that injects a store, directly or not, has one instance per task; others are
 * singletons. Life-cycle hooks: see `nest/lifecycle-hooks.ts`.
 */
export function StreamProcessor(options: StreamProcessorOptions = {}): ClassDecorator {
  return applyDecorators(Injectable(), SetMetadata(STREAM_PROCESSOR_METADATA, options));
}

/** @returns undefined for a class without `@StreamProcessor`. */
export function streamProcessorOptionsOf(target: unknown): StreamProcessorOptions | undefined {
  if (typeof target !== 'function') return undefined;
  return Reflect.getOwnMetadata(STREAM_PROCESSOR_METADATA, target) as StreamProcessorOptions | undefined;
}
