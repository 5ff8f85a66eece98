import type { Readable } from 'node:stream';

/** Why a body was not read to its end. */
export class UnreadBodyError extends Error {
  override readonly name = 'UnreadBodyError';
}

/**
 * Reads a body of `length` bytes. By events: bench `query`, forwarded/local.
 * @throws UnreadBodyError for more or fewer bytes, for a lost connection, and where the body takes longer than `timeoutMs`.
 */
export function readBody(stream: Readable, length: number, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (reason: string): void => {
      clearTimeout(timer);
      stream.pause();
      reject(new UnreadBodyError(reason));
    };
    const timer = setTimeout(() => fail(`took longer than ${timeoutMs} ms`), timeoutMs);
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > length) fail(`has more than the ${length} bytes of its head`);
      else chunks.push(chunk);
    });
    stream.once('end', () => {
      if (size < length) return fail(`has ${size} of the ${length} bytes of its head`);
      clearTimeout(timer);
      resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    });
    stream.once('error', () => fail('broke off'));
    stream.once('close', () => fail('broke off'));
  });
}
