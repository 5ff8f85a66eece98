/** A booking on an account; value of the topic `transactions`, keyed by account id. */
export interface Transaction {
  readonly id: string;
  readonly accountId: string;
  /** Cents; negative for a withdrawal. */
  readonly amount: number;
  readonly currency: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}
