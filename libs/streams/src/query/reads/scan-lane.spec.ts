import { expect, it } from 'vitest';
import { ScanLane } from './scan-lane.js';

it('steps whose reader has gone do not run, before and after they waited, and keep nobody waiting', async () => {
  const lane = new ScanLane(1);
  const gone = new AbortController();
  const ran: string[] = [];
  let end = (): void => {};
  const first = lane.run(() => new Promise<void>((resolve) => (end = resolve)));
  const second = lane.run(async () => ran.push('second'), gone.signal);
  const third = lane.run(async () => ran.push('third'));
  gone.abort(new Error('The client has gone.'));
  await expect(lane.run(async () => ran.push('late'), gone.signal)).rejects.toThrow('The client has gone.');
  end();
  await first;
  await expect(second).rejects.toThrow('The client has gone.');
  await third;
  expect(ran).toEqual(['third']);
});
