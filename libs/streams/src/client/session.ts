/** What the parts of a client share. */
export interface Session {
  /** What a read of the store has to show, beside `further`. */
  positionFor(store: string, further: string | undefined): string;
  /** What an answer or a feed has shown. */
  observe(position: string | null): void;
}
