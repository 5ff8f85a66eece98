// Starts the built example with plain `node` (or the one of SMOKE_NODE) on the embedded log.
import { spawn } from 'node:child_process';

export const node = process.env.SMOKE_NODE ?? process.execPath;
const entry = process.argv[2] ?? 'dist/src/main.js';
const deadlineMs = 60_000;

export function startExample(port, stateDir, traffic) {
  const child = spawn(node, [entry], {
    env: { ...process.env, PORT: String(port), STATE_DIR: stateDir, DEMO_TRAFFIC: String(traffic), KAFKA_BROKERS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  return { child, output: () => output };
}

/** What `probe` finds, as soon as it finds something. */
export async function until(what, app, probe) {
  const end = Date.now() + deadlineMs;
  for (;;) {
    if (app.child.exitCode !== null)
      throw new Error(`the app exited with ${app.child.exitCode} before ${what}:\n${app.output()}`);
    const value = await probe().catch(() => undefined);
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`no ${what} within ${deadlineMs} ms:\n${app.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
