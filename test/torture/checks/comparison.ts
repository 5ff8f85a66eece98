import { createKafkaLog } from '../../../libs/streams/src/log/kafkajs/kafka-log.js';
import type { Log } from '../../../libs/streams/src/log/log.js';
import { SystemClock } from '../../../libs/streams/src/time/system-clock.js';

import { committedRecords } from '../../support/committed-records.js';
import type { AppFleet } from '../faults/app-fleet.js';
import type { BankModel } from '../traffic/bank-model.js';

export interface ComparisonOptions {
  readonly log: Log;
  readonly fleet: AppFleet;
  readonly model: BankModel;
  readonly partitions: number;
  /** Number of transactions that were produced. */
  readonly produced: number;
}

const PAGE = 1000;
const MAX_MISMATCHES = 20;

/** Every record against the model: input, stores, changelog, outputs, offsets. Nothing may flow any more. @returns what is wrong. */
export async function compare(options: ComparisonOptions): Promise<string[]> {
  const found: string[] = [];
  found.push(...(await compareInput(options)));
  found.push(...(await compareOffsets(options)));
  found.push(...(await compareStores(options)));
  found.push(...(await compareChangelog(options)));
  found.push(...(await compareOutputs(options)));
  return found.length > MAX_MISMATCHES
    ? [...found.slice(0, MAX_MISMATCHES), `and ${found.length - MAX_MISMATCHES} more`]
    : found;
}

/** The producer of the transactions is the library's own, so it is checked too. */
async function compareInput({ log, partitions, produced }: ComparisonOptions): Promise<string[]> {
  const records = await committedRecords(log, 'transactions');
  const last = new Array<number>(partitions).fill(-1);
  const wrong: string[] = [];
  for (const { partition, value } of records) {
    const index = Number((JSON.parse(value!) as { id: string }).id.slice(1));
    if (index <= last[partition]) wrong.push(`transaction t${index} is in the input after t${last[partition]}`);
    last[partition] = index;
  }
  if (records.length !== produced)
    wrong.push(`the input has ${records.length} transactions, ${produced} were produced`);
  return wrong;
}

async function compareOffsets({ log, partitions }: ComparisonOptions): Promise<string[]> {
  const lag = await lagOf(log, partitions);
  return lag === 0 ? [] : [`the committed offsets are ${lag} transactions behind`];
}

/** Each account is answered by exactly one instance, with its last state. */
async function compareStores({ fleet, model }: ComparisonOptions): Promise<string[]> {
  const wrong: string[] = [];
  for (const accountId of model.accountIds) {
    const answers = await Promise.all(fleet.targets.map(({ id }) => fleet.get(id, entryPath(accountId))));
    const held = answers.filter(({ status }) => status === 200);
    const statuses = answers.map(({ status }) => status);
    if (held.length !== 1 || statuses.some((status) => status !== 200 && status !== 421))
      wrong.push(`${accountId} was answered with ${statuses.join(', ')}`);
    for (const { body } of held) wrong.push(...notLast(model, accountId, body, 'store'));
  }
  return wrong;
}

/** The whole store at an instance that has every partition: each account with its last state, and nothing else. */
export async function compareScan({ fleet, model }: ComparisonOptions, id: string): Promise<string[]> {
  const wrong: string[] = [];
  const scanned = new Set<string>();
  for (let cursor: string | undefined; ;) {
    const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { status, body } = await fleet.get(id, `/stores/balances/entries?limit=${PAGE}${query}`);
    if (status !== 200) return [`the scan at ${id} was answered with ${status}: ${JSON.stringify(body)}`];
    const { items, next } = body as { items: { key: string; value: unknown }[]; next?: string };
    for (const { key, value } of items) {
      if (scanned.has(key)) wrong.push(`the scan has ${key} twice`);
      scanned.add(key);
      wrong.push(...notLast(model, key, value, 'scanned store'));
    }
    if (next === undefined) break;
    cursor = next;
  }
  const known = model.accountIds.filter((accountId) => model.count(accountId) > 0);
  return [...wrong, ...known.filter((accountId) => !scanned.has(accountId)).map((one) => `the scan misses ${one}`)];
}

async function compareChangelog({ log, model }: ComparisonOptions): Promise<string[]> {
  const wrong: string[] = [];
  const latest = new Map<string, unknown>();
  for (const { key, value } of await committedRecords(log, 'bank-balances-changelog')) {
    const account = value === null ? null : (JSON.parse(value) as unknown);
    const deviation = model.deviation(key!, account);
    if (deviation !== undefined) wrong.push(`a change that never was: ${deviation}`);
    latest.set(key!, account);
  }
  for (const accountId of model.accountIds)
    wrong.push(...notLast(model, accountId, latest.get(accountId), 'changelog'));
  return wrong;
}

/** One output for each transaction of an account, in order. */
async function compareOutputs({ log, model }: ComparisonOptions): Promise<string[]> {
  const wrong: string[] = [];
  const counts = new Map<string, number>();
  for (const { key, value } of await committedRecords(log, 'balance-updates')) {
    const accountId = key!;
    const account = JSON.parse(value!) as { count: number };
    const deviation = model.deviation(accountId, account);
    if (deviation !== undefined) wrong.push(`an output that never was: ${deviation}`);
    const before = counts.get(accountId) ?? 0;
    if (account.count !== before + 1) wrong.push(`output ${account.count} of ${accountId} comes after ${before}`);
    counts.set(accountId, account.count);
  }
  for (const accountId of model.accountIds) {
    const count = counts.get(accountId) ?? 0;
    if (count !== model.count(accountId)) wrong.push(`${accountId} has ${count} outputs of ${model.count(accountId)}`);
  }
  return wrong;
}

/** Transactions that are not committed yet, over all partitions. */
export async function lagOf(log: Log, partitions: number): Promise<number> {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic: 'transactions', partition }));
  const ends = await log.admin.endOffsets(all, 'read_committed');
  const committed = await log.admin.committedOffsets('bank', all);
  return ends.reduce((sum, { offset }, i) => sum + offset - Math.max(0, committed[i].offset), 0);
}

export function openLog(brokers: string): Log {
  return createKafkaLog({ brokers: brokers.split(',') }, { clock: new SystemClock() });
}

function notLast(model: BankModel, accountId: string, value: unknown, where: string): string[] {
  const expected = model.history(accountId).at(-1);
  if (expected === undefined && value === undefined) return [];
  const deviation = model.deviation(accountId, value);
  if (deviation !== undefined) return [`${where}: ${deviation}`];
  const { count } = value as { count: number };
  return count === expected?.count ? [] : [`${where}: ${accountId} has ${count} transactions of ${expected?.count}`];
}

function entryPath(accountId: string): string {
  return `/stores/balances/entries/${accountId}`;
}
