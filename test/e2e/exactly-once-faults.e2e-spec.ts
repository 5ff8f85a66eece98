import { afterEach, describe, expect, it } from 'vitest';
import { LogError } from '../../libs/streams/src/errors/log-error.js';
import { KafkaErrorCode as E } from '../../libs/streams/src/log/protocol/error-codes.js';
import type { ApiName } from '../../libs/streams/src/log/protocol/messages.js';
import { latest, model, produce, storeContent, transactions } from '../support/bank.js';
import { committedRecords } from '../support/committed-records.js';
import { EmbeddedBank } from '../support/embedded-bank.js';
import { refusal } from '../support/refusal.js';

const PARTITIONS = 4;
const input = transactions(1200, 60);

/** What happens to one request: refused with an error, or answered to nobody, before it arrived or after. */
type Fate = number | 'lost' | 'answer lost';

interface Script {
  readonly api: ApiName;
  readonly fate: Fate;
  /** Of the requests of this API, counted from 1. */
  readonly hits: (count: number) => boolean;
}

const once = (at: number) => (count: number) => count === at;
const burst = (count: number): boolean => count >= 10 && count < 15;
const third = (count: number): boolean => count > 3 && count % 3 === 0;
const every: readonly (readonly [string, Fate])[] = [
  ['the request is lost', 'lost'],
  ['the answer is lost', 'answer lost'],
  ['the coordinator has moved', E.NOT_COORDINATOR],
  ['the coordinator loads', E.COORDINATOR_LOAD_IN_PROGRESS],
  ['the coordinator is not there', E.COORDINATOR_NOT_AVAILABLE],
];

const scripts: readonly (readonly [string, Script])[] = [
  ...every.flatMap(([what, fate]) =>
    (['addPartitionsToTxn', 'addOffsetsToTxn', 'txnOffsetCommit', 'endTxn'] as const).map(
      (api) => [`${what}, every third ${api}`, { api, fate, hits: third }] as const,
    ),
  ),
  ['five endTxn in a row find the coordinator away', { api: 'endTxn', fate: E.COORDINATOR_NOT_AVAILABLE, hits: burst }],
  [
    'endTxn answers that another transaction is ending',
    { api: 'endTxn', fate: E.CONCURRENT_TRANSACTIONS, hits: burst },
  ],
  ['endTxn is fenced', { api: 'endTxn', fate: E.PRODUCER_FENCED, hits: once(8) }],
  ['endTxn comes with a stale epoch', { api: 'endTxn', fate: E.INVALID_PRODUCER_EPOCH, hits: once(8) }],
  ['endTxn finds no transaction', { api: 'endTxn', fate: E.INVALID_TXN_STATE, hits: once(8) }],
  ['offsets come with a stale generation', { api: 'txnOffsetCommit', fate: E.ILLEGAL_GENERATION, hits: once(8) }],
  ['offsets come from an unknown member', { api: 'txnOffsetCommit', fate: E.UNKNOWN_MEMBER_ID, hits: once(8) }],
  ['the leader of a partition moves', { api: 'produce', fate: E.NOT_LEADER_OR_FOLLOWER, hits: third }],
  ['too few replicas are in sync', { api: 'produce', fate: E.NOT_ENOUGH_REPLICAS, hits: third }],
  ['produced batches are lost', { api: 'produce', fate: 'lost', hits: third }],
  ['answers to produced batches are lost', { api: 'produce', fate: 'answer lost', hits: third }],
  ['a batch comes with a stale epoch', { api: 'produce', fate: E.INVALID_PRODUCER_EPOCH, hits: once(20) }],
  ['a batch is out of order', { api: 'produce', fate: E.OUT_OF_ORDER_SEQUENCE_NUMBER, hits: once(20) }],
  ['the group coordinator moves', { api: 'heartbeat', fate: E.NOT_COORDINATOR, hits: third }],
];

/** Plays the script to the committing producer and the member of the one instance. @returns how often it was played. */
function play(bank: EmbeddedBank, { api: wanted, fate, hits }: Script): () => number {
  let count = 0;
  let played = 0;
  bank.broker.intercept(async (role, api, request, next) => {
    if (api !== wanted || role === 'test' || !hits(++count)) return next();
    played++;
    if (typeof fate === 'number') return refusal(request, fate) as Awaited<ReturnType<typeof next>>;
    if (fate === 'answer lost') await next();
    throw new LogError('retriable', 'LOG_CONNECTION', 'The connection is gone.');
  });
  return () => played;
}

describe('exactly once', () => {
  let bank: EmbeddedBank | undefined;
  afterEach(async () => {
    await bank?.close();
    bank = undefined;
  });

  it.each(scripts)('holds when %s', async (_, script) => {
    bank = await EmbeddedBank.open(PARTITIONS);
    const played = play(bank, script);
    const instance = await bank.start({
      engine: 'memory',
      commitInterval: 5,
      group: { sessionTimeout: 2000, heartbeatInterval: 100 },
    });
    for (let from = 0; from < input.length; from += 60) {
      const done = input.slice(0, from + 60);
      await produce(bank.log, bank.topics.input, PARTITIONS, input.slice(from, from + 60));
      await expect.poll(() => storeContent(instance), { timeout: 20_000, interval: 2 }).toEqual(model(done));
    }
    await expect.poll(played, { timeout: 10_000 }).toBeGreaterThan(0);
    // No commit leaves the owner unsure of its state for ever.
    await expect.poll(() => instance.membership().doubtMs, { timeout: 10_000, interval: 2 }).toBe(0);
    await instance.close();
    const outputs = (await committedRecords(bank.log, bank.topics.output)).map(
      ({ value }) => (JSON.parse(value!) as { id: string }).id,
    );
    expect(outputs.toSorted()).toEqual(input.map(({ id }) => id).toSorted());
    expect(latest(await committedRecords(bank.log, bank.changelog))).toEqual(model(input));
  });
});
