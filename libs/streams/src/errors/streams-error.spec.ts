import { describe, expect, it } from 'vitest';
import { kafkaError } from '../log/client/kafka-error.js';
import { KafkaErrorCode } from '../log/protocol/error-codes.js';
import { StreamsError } from './streams-error.js';

const messageOf = (message: string): string => new StreamsError('STREAMS_CONFIGURATION', message).message;

describe('StreamsError', () => {
  it('ends a sentence that quotes another one with one full stop', () => {
    expect(messageOf('The log refused it: No such topic..')).toBe('The log refused it: No such topic.');
    expect(messageOf('It failed: Disk full.. Free space.')).toBe('It failed: Disk full. Free space.');
    const { message } = kafkaError(KafkaErrorCode.INVALID_PARTITIONS, 'to create "t"', 'Must be larger than 0.');
    expect(message).toMatch(/larger than 0\.$/);
    expect(message).not.toContain('..');
  });

  it('leaves an ellipsis and a path as they are', () => {
    expect(messageOf('a, b, ... and ../state are fine...')).toBe('a, b, ... and ../state are fine...');
    expect(messageOf('Not in .. or elsewhere.')).toBe('Not in .. or elsewhere.');
  });
});
