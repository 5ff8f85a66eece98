import { Payload } from '@nestjs/microservices';
import {
  json,
  RecordProducer,
  SendTo,
  StreamHandler,
  StreamProcessor,
  type BadRecord,
  type OnFlush,
} from 'nestjs-streams';
import { describe, expect, it } from 'vitest';
import { LogError } from '../../libs/streams/src/errors/log-error.js';
import { StreamsApps } from './support/streams-app.js';

const NO_PARTITION = 99;

@StreamProcessor()
class Auditor {
  constructor(private readonly producer: RecordProducer) {}

  @StreamHandler('in', { key: 'string', value: json<string>() })
  @SendTo('out')
  async audit(@Payload() value: string): Promise<string> {
    if (value === 'bad') await this.producer.send('audit', { key: 'k', value, partition: NO_PARTITION });
    return value;
  }
}

let flushError: Error | undefined;

@StreamProcessor()
class Flusher implements OnFlush {
  onFlush(): void {
    if (flushError !== undefined) throw flushError;
  }

  @StreamHandler('in', { key: 'string', value: json<string>() })
  @SendTo('out')
  copy(@Payload() value: string): string {
    return value;
  }
}

describe('an error of the class of the runtime that user code throws', () => {
  const apps = new StreamsApps();
  const topics = { in: 1, out: 1, audit: 1 };

  it('is for errors.processing, if it comes from a producer of the handler', async () => {
    const failures: BadRecord[] = [];
    const processing = (failure: BadRecord): 'continue' => {
      failures.push(failure);
      return 'continue';
    };
    const app = await apps.start({ topics, options: { errors: { processing } }, feature: { processors: [Auditor] } });
    for (const value of ['a', 'bad', 'b']) await app.send('in', { key: 'k', value });
    expect((await app.recordsOnce('out', 2)).map(({ value }) => value)).toEqual(['"a"', '"b"']);
    expect(failures).toMatchObject([
      { phase: 'processing', attempt: 1, offset: 1, handler: 'Auditor.audit', error: { name: 'LogError' } },
    ]);
    expect(app.host.state).toBe('running');
  });

  it('is for errors.uncaught, if it comes from a hook', async () => {
    const uncaught: unknown[] = [];
    flushError = new LogError('retriable', 'LOG_TIMEOUT', 'A client of its own has no answer.');
    const options = {
      errors: {
        uncaught: (error: unknown): 'replaceTask' => {
          uncaught.push(error);
          flushError = undefined;
          return 'replaceTask';
        },
      },
    };
    const app = await apps.start({ topics, options, feature: { processors: [Flusher] } });
    await app.send('in', { key: 'k', value: 'a' });
    expect((await app.recordsOnce('out', 1)).map(({ value }) => value)).toEqual(['"a"']);
    expect(uncaught).toMatchObject([{ code: 'LOG_TIMEOUT' }]);
  });
});
