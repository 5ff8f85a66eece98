import type { ApiName, RequestOf, ResponseOf } from './messages.js';
import type { ProtocolReader } from './protocol-reader.js';
import type { ProtocolWriter } from './protocol-writer.js';

/**
 * One request of the protocol at one fixed version. `isFlexible` versions (KIP-482) carry header v2: their tagged fields come first in the
 * body that a wire sends, and first in the response that it gets.
 */
export interface ApiCodec<Request, Response> {
  readonly name: string;
  readonly key: number;
  readonly version: number;
  readonly isFlexible: boolean;
  /** Bytes to set aside for the body, where they are known to be many. */
  sizeHint?(request: Request): number;
  encode(writer: ProtocolWriter, request: Request): void;
  decode(reader: ProtocolReader): Response;
}

export type ApiCodecs = { readonly [A in ApiName]: ApiCodec<RequestOf<A>, ResponseOf<A>> };
