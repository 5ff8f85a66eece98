import { json, KeyValueStore, StateStore } from 'nestjs-streams';

/** What is known of an account. Integers, in cents. */
export interface Balance {
  readonly accountId: string;
  readonly balance: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly lastAt: number;
}

/** One balance per account. */
@StateStore({ name: 'balances', key: 'string', value: json<Balance>(), query: true })
export class Balances extends KeyValueStore<string, Balance> {}
