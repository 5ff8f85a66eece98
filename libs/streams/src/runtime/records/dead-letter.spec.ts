import { describe, expect, it } from 'vitest';
import type { BadRecord } from '../../config/bad-record-policy.js';
import { deadLetterHeaders } from './dead-letter.js';

class OutOfStock extends Error {}

function headersOf(error: unknown, withStack: boolean, headers: BadRecord['headers'] = []): Map<string, string> {
  const place = { topic: 'orders', partition: 3, offset: 7, timestamp: 1, key: null, value: null };
  const failure: BadRecord = { ...place, phase: 'processing', attempt: 2, handler: 'h', taskId: '0_3', headers, error };
  const context = { applicationId: 'shop', withStack, errorCode: 'STREAMS_PROCESSING_FAILED' };
  return new Map(deadLetterHeaders(failure, context).map(({ name, value }) => [name, Buffer.from(value!).toString()]));
}

describe('the headers of a dead letter', () => {
  it('cut long texts between two characters, and carry a stack only if asked for', () => {
    const error = new OutOfStock('é'.repeat(2000));
    error.stack = 'x'.repeat(20_000);
    const headers = headersOf(error, true);
    expect(headers.get('streams-error-message')).toBe(`${'é'.repeat(510)}...`);
    expect(headers.get('streams-error-stack')).toHaveLength(8192);
    expect(headers.get('streams-error-class')).toBe('OutOfStock');
    expect(headers.get('streams-attempts')).toBe('2');
    expect(headersOf(error, false).has('streams-error-stack')).toBe(false);
  });

  it('quote nothing of a text that JSON.parse refuses', () => {
    const parse = (): unknown => JSON.parse('{"card":"4929123456781234", x}');
    expect(parse).toThrow(SyntaxError);
    try {
      parse();
    } catch (error) {
      const headers = headersOf(error, true);
      expect(headers.get('streams-error-message')).toMatch(/^the text is not JSON/);
      expect(headers.get('streams-error-stack')).toContain('dead-letter.spec');
      expect([...headers.values()].join()).not.toMatch(/card|4929/);
    }
  });

  it('stand behind those of the record, so that the newest story is the last', () => {
    const own = [{ name: 'streams-topic', value: Buffer.from('first') }];
    expect(headersOf('text', false, own).get('streams-topic')).toBe('orders');
    expect(headersOf('text', false, own).get('streams-error-class')).toBe('string');
  });
});
