import { setMaxListeners } from 'node:events';

/** For a signal on which any number of calls wait at a time, each of which takes its listener away: Node warns of a leak from the eleventh on. */
export function lastingAbort(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
