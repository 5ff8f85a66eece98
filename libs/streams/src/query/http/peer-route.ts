import type { AbstractHttpAdapter } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PEER_PATH } from '../peers/peer.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (
      request: { raw: IncomingMessage },
      reply: { raw: ServerResponse; hijack(): unknown },
      next: () => void,
    ) => void,
  ): unknown;
}

/**
 * Takes the calls of other instances out of the application's requests before anything of the application sees them: its prefix, guards and
 * parsers are for its own callers. Works on the platforms `express` and `fastify`, until the application listens.
 */
export function attachPeerRoute(adapter: AbstractHttpAdapter, handle: Handler): void {
  const isPeerCall = ({ url, method }: IncomingMessage): boolean => url === PEER_PATH && method === 'POST';
  if (adapter.getType() === 'fastify') {
    adapter.getInstance<FastifyLike>().addHook('onRequest', ({ raw }, reply, next) => {
      if (!isPeerCall(raw)) return next();
      reply.hijack();
      handle(raw, reply.raw);
    });
    return;
  }
  adapter.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
    if (isPeerCall(request)) handle(request, response);
    else next();
  });
}
