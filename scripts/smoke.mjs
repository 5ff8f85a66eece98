// Starts the built example with plain `node` on the embedded log, waits for it to be ready, queries it, kills it with -9, starts it again
// and expects at least the balances it had answered before.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { node, startExample, until } from './built-example.mjs';
import { freePort } from './free-port.mjs';

const get = async (url) => {
  const response = await fetch(url);
  return { status: response.status, body: response.status === 200 ? await response.json() : undefined };
};
const ready = (base) => async () => ((await get(`${base}/health/ready`)).status === 200 ? true : undefined);
const balances = (base) => async () => {
  const { body } = await get(`${base}/stores/balances/entries?limit=1000`);
  return body && body.items.length > 0 ? body.items : undefined;
};

const stateDir = await mkdtemp(join(tmpdir(), 'streams-smoke-'));
const port = await freePort();
const base = `http://127.0.0.1:${port}`;
const apps = [];
try {
  const first = startExample(port, stateDir, 200);
  apps.push(first);
  const began = Date.now();
  await until('readiness', first, ready(base));
  await until('balances', first, balances(base));
  console.log(`ready and answering after ${Date.now() - began} ms on ${node}`);
  const before = await until('20 accounts', first, async () => {
    const items = await balances(base)();
    return items && items.length >= 20 ? items : undefined;
  });
  const metrics = await (await fetch(`${base}/metrics`)).text();
  assert.match(metrics, /streams_records_processed_total/);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');

  const second = startExample(port, stateDir, 200);
  apps.push(second);
  await until('readiness after kill -9', second, ready(base));
  const after = new Map((await until('balances', second, balances(base))).map(({ key, value }) => [key, value]));
  for (const { key, value } of before) {
    assert.ok(after.has(key), `account ${key} is gone after kill -9`);
    assert.ok(
      after.get(key).count >= value.count,
      `account ${key} went back from ${value.count} to ${after.get(key).count} transactions`,
    );
  }
  second.child.kill('SIGTERM');
  const [code] = await once(second.child, 'exit');
  assert.ok(code === 0 || code === null, `the app ended with ${code} on SIGTERM:\n${second.output()}`);
  console.log(`${before.length} accounts survived kill -9`);
} finally {
  for (const { child } of apps) if (child.exitCode === null) child.kill('SIGKILL');
  await rm(stateDir, { recursive: true, force: true });
}
