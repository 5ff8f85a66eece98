import { describe, expect, it } from 'vitest';
import { kafkaError } from '../log/client/kafka-error.js';
import { connectionFailure } from '../log/cluster/node-connection.js';
import { KafkaErrorCode } from '../log/protocol/error-codes.js';
import { BadRecordError } from './bad-record-error.js';
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

  it('ends in one full stop, whether what it quotes of brokers, sockets and handlers brings one or not', () => {
    const place = { topic: 't', partition: 0, offset: 1, handler: 'H.h', taskId: '0_0', phase: 'processing' } as never;
    for (const foreign of ['It is too large', 'It is too large.', 'It is too large. ']) {
      const { message } = kafkaError(10, 'to append', foreign);
      expect(message).toMatch(/: It is too large\.$/);
      expect(connectionFailure({ host: 'h', port: 1 } as never, foreign).message).toMatch(/failed: It is too large\.$/);
      expect(new BadRecordError(place, new Error(foreign)).message).toContain('): It is too large. Nothing');
    }
  });

  it('leaves an ellipsis and a path as they are', () => {
    expect(messageOf('a, b, ... and ../state are fine...')).toBe('a, b, ... and ../state are fine...');
    expect(messageOf('Not in .. or elsewhere.')).toBe('Not in .. or elsewhere.');
  });
});
