import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Those who want to know, by connection: with a listener each, many pipelined requests would look like a leak. */
const watchers = new WeakMap<Socket, Set<() => void>>();

/** Whether nobody is there to read a response. One that waits behind others of its connection (pipelining) never learns by itself that this has closed. */
export function isGone(response: ServerResponse): boolean {
  return response.destroyed || socketOf(response)?.destroyed === true;
}

/** Calls `tell` when the connection below a response closes. @returns what takes that back; a connection outlives its responses. */
export function onConnectionClose(response: ServerResponse, tell: () => void): () => void {
  const socket = socketOf(response);
  if (socket === undefined) return () => {};
  const told = watchers.get(socket) ?? watch(socket);
  told.add(tell);
  return () => void told.delete(tell);
}

function watch(socket: Socket): Set<() => void> {
  const told = new Set<() => void>();
  watchers.set(socket, told);
  socket.once('close', () => {
    for (const tell of told) tell();
  });
  return told;
}

/** Of the request: a response has it only while it is its turn. None where a request is injected. */
function socketOf({ req }: ServerResponse): Socket | undefined {
  return req.socket as Socket | undefined;
}
