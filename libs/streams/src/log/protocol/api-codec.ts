import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';

/** How one request of the protocol is written and its response read, in one fixed version. */
export interface ApiCodec<Request, Response> {
  readonly name: string;
  readonly key: number;
  readonly version: number;
  /** Flexible versions (KIP-482) carry a tag buffer after the header. */
  readonly isFlexible: boolean;
  write(writer: ByteWriter, request: Request): void;
  read(reader: ByteReader): Response;
}

/** The body of a request, from behind the classic header. A flexible header ends with its tag buffer, which is put first here. */
export function encodeRequest<Request>(codec: ApiCodec<Request, unknown>, request: Request): Buffer {
  const writer = new ByteWriter();
  if (codec.isFlexible) writer.noTags();
  codec.write(writer, request);
  return writer.bytesWritten();
}

/** Reads a response from behind its correlation id. */
export function decodeResponse<Response>(codec: ApiCodec<never, Response>, bytes: Buffer): Response {
  const reader = new ByteReader(bytes);
  if (codec.isFlexible) reader.skipTags();
  return codec.read(reader);
}
