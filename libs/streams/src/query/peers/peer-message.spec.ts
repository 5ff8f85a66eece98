import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedMessageError } from './message-fields.js';
import { decodeMessage, encodeMessage } from './peer-message.js';

const bytes = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined });

describe('a message between instances', () => {
  it('comes out as it went in', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(bytes, { maxLength: 20 }), (head, blobs) => {
        const decoded = decodeMessage(encodeMessage({ head, blobs }));
        expect(JSON.stringify(decoded.head)).toBe(JSON.stringify(head));
        expect(decoded.blobs.map((blob) => blob && [...blob])).toEqual(blobs.map((blob) => blob && [...blob]));
      }),
    );
  });

  it('is refused when it is cut off, too long, or none at all', () => {
    const whole = encodeMessage({ head: { op: 'get' }, blobs: [Buffer.from('abc'), undefined] });
    for (let length = 0; length < whole.length; length++)
      expect(() => decodeMessage(whole.subarray(0, length))).toThrow();
    expect(() => decodeMessage(Buffer.concat([whole, Buffer.of(0)]))).toThrow();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        try {
          decodeMessage(noise);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessageError);
        }
      }),
    );
  });
});
