import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../observability/streams-logger.js';
import { SlowRecords, type SlowRecord } from './slow-records.js';
import type { RejectedRecord, SourceQueue } from './source-queue.js';

const slow: SlowRecord = {
  topic: 'in',
  partition: 0,
  offset: 5,
  timestamp: 1,
  key: null,
  value: null,
  headers: [],
  handler: 'Bank.apply',
  taskId: '0_0',
  tookMs: 12_000,
  limit: 'transactionTimeout',
};

describe('records whose handlers are too slow', () => {
  let records: SlowRecords;
  let warnings: string[];
  let queue: { topic: string; committed: number; rejected: Map<number, RejectedRecord> };
  const discard = (): boolean =>
    records.discarded([{ id: '0_0', records: { queues: [queue as unknown as SourceQueue] } }]);
  beforeEach(() => {
    warnings = [];
    queue = { topic: 'in', committed: 0, rejected: new Map() };
    const logger = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
    const limits = { handlerTimeoutMs: undefined, transactionTimeoutMs: 10_000, sessionTimeoutMs: 6000 };
    records = new SlowRecords(limits, logger);
  });

  it('go to their policy once their work was discarded three times in a row', () => {
    for (let i = 0; i < 3; i++) {
      records.note(slow);
      expect(queue.rejected.size).toBe(0);
      expect(discard()).toBe(true);
    }
    expect(queue.rejected.get(5)).toMatchObject({
      action: undefined,
      failure: { phase: 'processing', attempt: 3, offset: 5, error: { code: 'STREAMS_HANDLER_TIMEOUT', times: 3 } },
    });
    expect(warnings[1]).toContain('2 times in a row');
    expect(warnings[1]).toContain('raise "transactionTimeout", or set "handlerTimeout"');
  });

  it('are forgotten once they are committed', () => {
    for (let i = 0; i < 2; i++) {
      records.note(slow);
      discard();
    }
    records.note(slow);
    queue.committed = 6;
    expect(discard()).toBe(false);
    queue.committed = 5;
    records.note(slow);
    discard();
    expect(queue.rejected.size).toBe(0);
    expect(warnings[2]).not.toContain('in a row');
  });

  it('are not blamed for work that is discarded without them', () => {
    expect(discard()).toBe(false);
    expect(warnings).toEqual([]);
  });

  it('are counted while their task is elsewhere, and rejected once it is back', () => {
    for (let i = 0; i < 3; i++) {
      records.note(slow);
      records.discarded([]);
    }
    records.note(slow);
    discard();
    expect(queue.rejected.get(5)?.failure.attempt).toBe(4);
  });
});
