import type { Entry, Ledger } from './ledger-topology.js';

export interface Outcome {
  readonly guarantee: 'exactly_once' | 'at_least_once';
  readonly entries: readonly Entry[];
  readonly stored: ReadonlyMap<string, Ledger>;
  readonly changelog: ReadonlyMap<string, Ledger>;
  /** Committed outputs in the order of their partition. */
  readonly outputs: readonly { readonly account: string; readonly ledger: Ledger }[];
  /** What queries answered on the way. */
  readonly seen: readonly Ledger[];
}

/** What must hold once everything is healed and processed. @returns what does not, in words. */
export function violations(outcome: Outcome): string[] {
  const found: string[] = [];
  const { guarantee, entries, stored, changelog, outputs, seen } = outcome;
  if (guarantee === 'exactly_once' && !isSame(stored, changelog))
    found.push(`the stores differ from their changelog: ${difference(stored, changelog)}`);
  for (const [account, own] of grouped(entries)) {
    const sent = outputs.filter((output) => output.account === account).map(({ ledger }) => ledger);
    const last = stored.get(account);
    const open = own.slice(own.findLastIndex(({ closes }) => closes === true) + 1);
    const balance = open.reduce((sum, { amount }) => sum + amount, 0);
    if (guarantee === 'exactly_once') {
      const ids = sent.map(({ lastId }) => lastId).join();
      if (ids !== own.map(({ id }) => id).join())
        found.push(`outputs of ${account} are ${ids}, not ${own.map(({ id }) => id).join()}`);
      if ((last?.count ?? 0) !== open.length || (last?.balance ?? 0) !== balance)
        found.push(`${account} is ${JSON.stringify(last)}, not ${open.length} entries of ${balance}`);
      continue;
    }
    // The state says nothing: what a former owner sent late may replace what its heir wrote (guarantees.md), and nothing fences it.
    const ids = new Set(sent.map(({ lastId }) => lastId));
    const missing = own.filter(({ id }) => !ids.has(id));
    if (missing.length > 0) found.push(`outputs of ${account} miss ${missing.map(({ id }) => id).join()}`);
  }
  if (guarantee === 'exactly_once') {
    const kept = new Set(outputs.map(({ ledger }) => ledger.attempt));
    const undecided = seen.filter(({ attempt }) => !kept.has(attempt));
    if (undecided.length > 0) found.push(`a query saw what was never committed: ${JSON.stringify(undecided[0])}`);
  }
  return found;
}

function grouped(entries: readonly Entry[]): Map<string, Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) groups.set(entry.account, [...(groups.get(entry.account) ?? []), entry]);
  return groups;
}

function isSame(one: ReadonlyMap<string, Ledger>, other: ReadonlyMap<string, Ledger>): boolean {
  return difference(one, other) === '';
}

function difference(one: ReadonlyMap<string, Ledger>, other: ReadonlyMap<string, Ledger>): string {
  return [...new Set([...one.keys(), ...other.keys()])]
    .map((key) => [key, JSON.stringify(one.get(key)), JSON.stringify(other.get(key))])
    .filter(([, left, right]) => left !== right)
    .map((three) => three.join(' '))
    .join('; ');
}
