import { adminCodecs } from './admin-codecs.js';
import type { ApiCodec, ApiCodecs } from './api-codec.js';
import { dataCodecs } from './data-codecs.js';
import { groupCodecs } from './group-codecs.js';
import { ProtocolReader } from './protocol-reader.js';
import { ProtocolWriter } from './protocol-writer.js';
import { transactionCodecs } from './transaction-codecs.js';

/** Every request this library sends, each at one version that brokers from 2.8 to 4.x speak (run against 4.3.1). */
export const apiCodecs: ApiCodecs = { ...dataCodecs, ...groupCodecs, ...transactionCodecs, ...adminCodecs };

/** The request's body as it follows the header's client id. */
export function encodeRequest<Request>(codec: ApiCodec<Request, unknown>, request: Request): ProtocolWriter {
  const writer = new ProtocolWriter(codec.sizeHint?.(request));
  if (codec.isFlexible) writer.noTags();
  codec.encode(writer, request);
  return writer;
}

/** Reads what follows the response's correlation id. */
export function decodeResponse<Response>(codec: ApiCodec<never, Response>, body: Buffer): Response {
  const reader = new ProtocolReader(body);
  if (codec.isFlexible) reader.skipTags();
  return codec.decode(reader);
}
