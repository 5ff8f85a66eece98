import { afterEach, beforeEach, expect, it } from 'vitest';
import { LogError } from '../../libs/streams/src/errors/log-error.js';
import { WireLog } from '../../libs/streams/src/log/client/wire-log.js';
import type { ApiName } from '../../libs/streams/src/log/protocol/messages.js';
import type { Wire } from '../../libs/streams/src/log/wire.js';
import type { StreamsInstance } from '../../libs/streams/src/runtime/instance/streams-instance.js';
import { SystemClock } from '../../libs/streams/src/time/system-clock.js';
import { bankInstance, produce, transactions } from '../support/bank.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

type Call = 'connect' | 'track' | 'coordinator' | ApiName;

/** Longer than any test; what does not depend on it ends sooner. */
const SESSION_MS = 60_000;
const STOP_LIMIT_MS = 3000;

let bank: EmbeddedBank;

beforeEach(async () => {
  bank = await EmbeddedBank.open();
});

afterEach(() => bank.close());

/** A wire on which one kind of call is never answered, until it is closed. */
function silentWire(wire: Wire, silent: (call: Call) => boolean): Wire {
  let close = (): void => undefined;
  const closed = new Promise<never>((_, reject) => {
    close = () => reject(new LogError('retriable', 'LOG_CONNECTION', 'The wire was closed.'));
  });
  closed.catch(() => undefined);
  const ask = <T>(call: Call, answer: () => Promise<T>): Promise<T> => (silent(call) ? closed : answer());
  return {
    connect: () => ask('connect', () => wire.connect()),
    close: () => {
      close();
      return wire.close();
    },
    track: (topics) => ask('track', () => wire.track(topics)),
    refresh: () => ask('track', () => wire.refresh()),
    partitions: (topic) => wire.partitions(topic),
    leaderOf: (topic, partition) => wire.leaderOf(topic, partition),
    anyNode: () => wire.anyNode(),
    controller: () => wire.controller(),
    coordinator: (key, type) => ask('coordinator', () => wire.coordinator(key, type)),
    send: (node, api, request, timeoutMs) => ask(api, () => wire.send(node, api, request, timeoutMs)),
  };
}

/** An instance whose log falls silent at the first such call of a role, and says so. */
function starting(role: string, call: Call): { readonly instance: StreamsInstance; readonly silence: Promise<void> } {
  let fallSilent = (): void => undefined;
  const silence = new Promise<void>((resolve) => (fallSilent = resolve));
  const wires = (name: string): Wire =>
    silentWire(bank.broker.wires(name), (each) => {
      if (each !== call || name !== role) return false;
      fallSilent();
      return true;
    });
  const log = new WireLog({ kind: 'embedded', wires, clock: new SystemClock() });
  const instance = bankInstance(bank.topics, log, {
    stateDir: bank.folder(),
    engine: 'memory',
    group: { sessionTimeout: SESSION_MS },
  });
  return { instance, silence };
}

it.each<[string, Call]>([
  ['admin', 'connect'],
  ['admin', 'track'],
  ['admin', 'describeConfigs'],
  ['admin', 'createTopics'],
  ['admin', 'listOffsets'],
  ['commit', 'connect'],
  ['commit', 'coordinator'],
  ['commit', 'initProducerId'],
  ['member', 'connect'],
  ['member', 'coordinator'],
  ['member', 'joinGroup'],
  ['member', 'syncGroup'],
  ['member', 'offsetFetch'],
])('a stop does not wait for a start to which %s %s is not answered', async (role, call) => {
  const { instance, silence } = starting(role, call);
  const started = instance.start().then(
    () => 'started',
    (error: unknown) => (error as LogError).code,
  );
  await silence;
  const late = new Promise((resolve) => setTimeout(resolve, STOP_LIMIT_MS, 'still stopping'));
  expect(await Promise.race([instance.close().then(() => instance.state), late])).toBe('stopped');
  expect(['LOG_CLOSED', 'started']).toContain(await started);
  expect(instance.failure).toBeUndefined();
});

it('a stop with at-least-once does not wait beyond the session for offsets that are not taken', async () => {
  let isBroken = false;
  let isCommitting = false;
  bank.broker.intercept(async (role, api, _request, next) => {
    if (!isBroken || role !== 'member' || api !== 'offsetCommit') return next();
    isCommitting = true;
    throw new LogError('retriable', 'LOG_CONNECTION', 'The coordinator takes no offsets.');
  });
  const instance = await bank.start({
    engine: 'memory',
    processingGuarantee: 'at_least_once',
    group: { sessionTimeout: 2000, heartbeatInterval: 100 },
  });
  // Offsets from which the tasks begin are committed at the start.
  isBroken = true;
  await produce(bank.log, bank.topics.input, bank.partitions, transactions(40, 4));
  await expect.poll(() => isCommitting, { timeout: 5000 }).toBe(true);
  const late = new Promise((resolve) => setTimeout(resolve, 8000, 'still stopping'));
  expect(await Promise.race([instance.close().then(() => instance.state), late])).toBe('stopped');
});
