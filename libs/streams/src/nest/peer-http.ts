import type { AbstractHttpAdapter, HttpAdapterHost } from '@nestjs/core';
import { hasPeers } from '../config/peer-config.js';
import type { RuntimeConfig } from '../config/runtime-config.js';

const PLATFORMS = ['express', 'fastify'];

/** Returns the HTTP adapter that can take calls of other instances; undefined until there is one, and without HTTP. */
export function peerAdapter(http: HttpAdapterHost | undefined): AbstractHttpAdapter | undefined {
  // Null in an application without HTTP.
  const adapter = http?.httpAdapter as AbstractHttpAdapter | null | undefined;
  return adapter && PLATFORMS.includes(adapter.getType()) ? adapter : undefined;
}

/** Returns why the other instances could not call this one; checked before the instance starts. */
export function peerHttpProblems({ peers }: RuntimeConfig, http: HttpAdapterHost | undefined): string[] {
  if (!hasPeers(peers) || peerAdapter(http) !== undefined) return [];
  return [
    '"peers" needs an HTTP application on Express or Fastify, where the other instances can call this one: leave it out, or make the application one.',
  ];
}
