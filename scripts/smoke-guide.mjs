// Runs each `curl` command of the query guide, as it stands there, against the built example, and expects an answer of 200 to all of them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startExample, until } from './built-example.mjs';
import { freePort } from './free-port.mjs';

const GUIDE = 'docs/guide/queries.md';
/** Feeds have no end. */
const FEED_S = 2;

const guide = await readFile(GUIDE, 'utf8');
const commands = [...guide.matchAll(/^```bash\n(.*?)^```/gms)]
  .flatMap(([, block]) => block.split('\n'))
  .filter((line) => line.startsWith('curl '));
assert.ok(commands.length > 10, `${GUIDE} has only ${commands.length} commands`);

/** @returns the status and what came of the body. */
function run(command, port) {
  const isFeed = command.includes('/changes');
  const line = `${command.replaceAll('localhost:3000', `127.0.0.1:${port}`)} -w '\\nstatus %{http_code}' --max-time ${isFeed ? FEED_S : 30}`;
  return new Promise((resolve) => {
    execFile('bash', ['-c', line], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const status = /status (\d+)$/.exec(stdout)?.[1];
      // 28: the time is over.
      const failed = error && !(isFeed && error.code === 28) ? `${error.message}\n${stderr}` : undefined;
      resolve({ status, failed, body: stdout });
    });
  });
}

const stateDir = await mkdtemp(join(tmpdir(), 'streams-guide-'));
const port = await freePort();
const app = startExample(port, stateDir, 500);
try {
  await until('answers', app, async () => {
    const { status } = await fetch(`http://127.0.0.1:${port}/stores/balances/entries/acc-0001`);
    return status === 200 ? true : undefined;
  });
  for (const command of commands) {
    const { status, failed, body } = await run(command, port);
    assert.equal(failed, undefined, `${command}\n${failed}`);
    assert.equal(status, '200', `${command}\n${body.slice(0, 2000)}`);
    assert.ok(body.length > 'status 200'.length + 2, `${command} has answered nothing`);
  }
  console.log(`${commands.length} commands of ${GUIDE} answered`);
} finally {
  const { child } = app;
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  await rm(stateDir, { recursive: true, force: true });
}
