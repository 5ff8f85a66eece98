import { afterEach, expect, it } from 'vitest';
import { silentLogger } from '../../libs/streams/src/observability/streams-logger.js';
import { KafkaErrorCode } from '../../libs/streams/src/log/protocol/error-codes.js';
import type { ResponseOf } from '../../libs/streams/src/log/protocol/messages.js';
import { EmbeddedBank } from '../support/embedded-bank.js';

let bank: EmbeddedBank;
afterEach(() => bank.close());

it('starts without the right to read the configuration of its changelogs, and says what it assumes', async () => {
  bank = await EmbeddedBank.open(1);
  const first = await bank.start();
  await first.close();
  bank.broker.intercept(async (_role, api, _request, next) => {
    const answer = await next();
    if (api !== 'describeConfigs') return answer;
    const refused = (answer as ResponseOf<'describeConfigs'>).topics.map((topic) => ({
      ...topic,
      error: KafkaErrorCode.TOPIC_AUTHORIZATION_FAILED,
      entries: [],
    }));
    return { topics: refused } as Awaited<ReturnType<typeof next>>;
  });
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const second = await bank.start({ logger });
  expect(second.state).toBe('running');
  expect(warnings).toEqual([
    expect.stringMatching(/^The configuration of "bank-balances-changelog" cannot be read.*DESCRIBE_CONFIGS/),
  ]);
});
