import { ApiProperty } from '@nestjs/swagger';
import { json, KeyValueStore, StateStore } from 'nestjs-streams';

/** What is known of an account. */
export class Balance {
  @ApiProperty()
  readonly accountId!: string;
  @ApiProperty({ description: 'In cents.', type: 'integer' })
  readonly balance!: number;
  @ApiProperty({ description: 'Transactions so far.', type: 'integer', minimum: 1 })
  readonly count!: number;
  @ApiProperty({ description: 'The smallest amount, in cents.', type: 'integer' })
  readonly min!: number;
  @ApiProperty({ description: 'The largest amount, in cents.', type: 'integer' })
  readonly max!: number;
  @ApiProperty({ description: 'Time of the last transaction, in milliseconds since the epoch.', type: 'integer' })
  readonly lastAt!: number;
}

/** One balance per account. */
@StateStore({ name: 'balances', key: 'string', value: json<Balance>(), query: { dto: Balance } })
export class Balances extends KeyValueStore<string, Balance> {}
