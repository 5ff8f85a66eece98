import { expect, it } from 'vitest';
import { kafkaError } from '../log/client/kafka-error.js';
import { connectionFailure } from '../log/cluster/node-connection.js';
import { BadRecordError } from './bad-record-error.js';

it('messages of brokers, sockets and handlers end in one full stop, whether they bring one or not', () => {
  const place = { topic: 't', partition: 0, offset: 1, handler: 'H.h', taskId: '0_0', phase: 'processing' } as never;
  for (const foreign of ['It is too large', 'It is too large.', 'It is too large. ']) {
    const { message } = kafkaError(10, 'to append', foreign);
    expect(message).toMatch(/: It is too large\.$/);
    expect(connectionFailure({ host: 'h', port: 1 } as never, foreign).message).toMatch(/failed: It is too large\.$/);
    expect(new BadRecordError(place, new Error(foreign)).message).toContain('): It is too large. Nothing');
  }
});
