import { bufferOf } from '../../bytes/buffer-of.js';
import { MalformedMessageError, MessageFields } from './message-fields.js';

/** What instances send each other: a head in JSON, and bytes beside it. */
export interface PeerMessage {
  readonly head: Readonly<Record<string, unknown>>;
  readonly blobs: readonly (Uint8Array | undefined)[];
}

const ABSENT = -1;

/** `u32 length, head, u32 count, (i32 length, bytes)*`, big-endian; the length -1 stands for an absent blob. */
export function encodeMessage({ head, blobs }: PeerMessage): Buffer {
  const headBytes = Buffer.from(JSON.stringify(head), 'utf8');
  let size = 8 + headBytes.length + 4 * blobs.length;
  for (const blob of blobs) size += blob?.length ?? 0;
  const bytes = Buffer.allocUnsafe(size);
  let at = bytes.writeUInt32BE(headBytes.length, 0);
  at += headBytes.copy(bytes, at);
  at = bytes.writeUInt32BE(blobs.length, at);
  for (const blob of blobs) {
    at = bytes.writeInt32BE(blob?.length ?? ABSENT, at);
    if (blob === undefined) continue;
    bytes.set(blob, at);
    at += blob.length;
  }
  return bytes;
}

/** The blobs are views on `bytes`. @throws MalformedMessageError */
export function decodeMessage(bytes: Uint8Array): PeerMessage {
  const buffer = bufferOf(bytes);
  if (buffer.length < 8) throw cutOff();
  const headLength = buffer.readUInt32BE(0);
  const head = jsonOf(slice(buffer, 4, headLength).toString('utf8'));
  MessageFields.of(head, 'head');
  let at = 4 + headLength;
  if (at + 4 > buffer.length) throw cutOff();
  const count = buffer.readUInt32BE(at);
  at += 4;
  if (count > (buffer.length - at) / 4) throw cutOff();
  const blobs: (Uint8Array | undefined)[] = [];
  for (let i = 0; i < count; i++) {
    if (at + 4 > buffer.length) throw cutOff();
    const length = buffer.readInt32BE(at);
    at += 4;
    blobs.push(length === ABSENT ? undefined : slice(buffer, at, length));
    at += Math.max(0, length);
  }
  if (at !== buffer.length) throw new MalformedMessageError('its length', `${at} bytes`);
  return { head: head as PeerMessage['head'], blobs };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedMessageError('head', 'JSON');
  }
}

function slice(buffer: Buffer, at: number, length: number): Buffer {
  if (length < 0 || at + length > buffer.length) throw cutOff();
  return buffer.subarray(at, at + length);
}

function cutOff(): MalformedMessageError {
  return new MalformedMessageError('its end', 'where the lengths in it say');
}
