import type { Readable } from 'node:stream';

/** Rejects with a RangeError as soon as there are more than `maxBytes`; the rest is not read then. By events: bench `query`, forwarded/local. */
export function readBody(stream: Readable, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        stream.pause();
        reject(new RangeError(`More than ${maxBytes} bytes were sent.`));
      } else chunks.push(chunk);
    });
    stream.once('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('The body broke off.')));
  });
}
