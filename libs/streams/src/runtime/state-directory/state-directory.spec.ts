import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { json, stringSerde } from '../../serdes/text-serdes.js';
import { TopologyBuilder } from '../../topology/topology-builder.js';
import type { Topology } from '../../topology/topology.js';
import { bytesSerde } from '../../serdes/binary-serdes.js';
import type { Serde } from '../../serdes/serde.js';
import { StateDirectory } from './state-directory.js';

describe('a state directory', () => {
  let root: string;
  const opened: StateDirectory[] = [];
  const open = (): StateDirectory => {
    const directory = StateDirectory.open(root, 'bank');
    opened.push(directory);
    return directory;
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'state-'));
  });

  afterEach(() => {
    for (const directory of opened.splice(0)) directory.release();
    rmSync(root, { recursive: true, force: true });
  });

  it('is held by one live instance, and free again once that released it', () => {
    const first = open();
    expect(open).toThrow(
      expect.objectContaining({
        code: 'STREAMS_STATE_DIRECTORY_LOCKED',
        pid: process.pid,
        directory: join(root, 'bank'),
      }),
    );
    first.release();
    expect(open().processId).toBe(first.processId);
  });

  it('takes over the lock of a process that was killed, and not that of one that lives', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log("up")'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    mkdirSync(join(root, 'bank'));
    writeFileSync(join(root, 'bank', '.lock'), JSON.stringify({ pid: child.pid, host: hostname(), token: 'x' }));
    expect(open).toThrow(`process ${child.pid} on ${hostname()}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    open();
    expect(readdirSync(join(root, 'bank')).sort()).toEqual(['.lock', 'instance.json']);
  });

  it('remembers for which sources tasks have had an offset', () => {
    const first = open();
    expect(first.begunSources).toEqual({});
    first.keepBegunSources({ '0_0': ['in', 'rates'] });
    first.release();
    expect(open().begunSources).toEqual({ '0_0': ['in', 'rates'] });
  });

  it('knows a later process of the same number for another one', () => {
    mkdirSync(join(root, 'bank'));
    const stale = { pid: process.pid, startTime: 'another boot/1', host: hostname(), token: 'x' };
    writeFileSync(join(root, 'bank', '.lock'), JSON.stringify(stale));
    open();
    expect(JSON.parse(readFileSync(join(root, 'bank', '.lock'), 'utf8'))).not.toMatchObject({ token: 'x' });
  });

  it('believes a lock of another host, whose processes it cannot see', () => {
    mkdirSync(join(root, 'bank'));
    writeFileSync(join(root, 'bank', '.lock'), JSON.stringify({ pid: 1, host: 'elsewhere', token: 'x' }));
    expect(open).toThrow('process 1 on elsewhere');
  });

  it.each([
    ['empty', ''],
    ['full of zeros', '\0'.repeat(64)],
  ])('takes over a lock that a crash of the machine left %s, and leaves one that is merely unreadable', (_, left) => {
    mkdirSync(join(root, 'bank'));
    writeFileSync(join(root, 'bank', '.lock'), left);
    open().release();
    writeFileSync(join(root, 'bank', '.lock'), '{ "pid": ');
    expect(open).toThrow(expect.objectContaining({ code: 'STREAMS_STATE_DIRECTORY_LOCKED' }));
    rmSync(join(root, 'bank', '.lock'));
  });

  it('reads what the last instance left only once it holds the lock', () => {
    mkdirSync(join(root, 'bank'));
    writeFileSync(join(root, 'bank', '.lock'), JSON.stringify({ pid: 1, host: 'elsewhere', token: 'x' }));
    expect(open).toThrow('process 1 on elsewhere');
    expect(readdirSync(join(root, 'bank'))).toEqual(['.lock']);
  });

  it('gives the lock back where instance.json cannot be read', () => {
    mkdirSync(join(root, 'bank'));
    writeFileSync(join(root, 'bank', 'instance.json'), '');
    expect(open).toThrow(expect.objectContaining({ code: 'STREAMS_STATE_DIRECTORY' }));
    expect(readdirSync(join(root, 'bank'))).toEqual(['instance.json']);
  });

  it('says what is wrong with a path that is a file', () => {
    writeFileSync(join(root, 'bank'), '');
    expect(open).toThrow(expect.objectContaining({ code: 'STREAMS_STATE_DIRECTORY' }));
  });

  it('deletes folders of tasks that nobody owns and nobody used of late', async () => {
    const directory = open();
    for (const taskId of ['0_0', '0_1', '0_2'] as const) {
      mkdirSync(directory.storeDirectory(taskId, 'rocksdb', 'balances'));
      await directory.touch(taskId, taskId === '0_2' ? 5000 : 1000);
    }
    const folders = (): string[] => readdirSync(join(root, 'bank')).filter((name) => name.includes('_'));
    expect(await directory.setAside((taskId) => taskId === '0_0', 5000)).toEqual(['0_1']);
    expect(await directory.storedTasks()).toEqual(['0_0', '0_2']);
    expect(folders()).toEqual(['0_0', '0_2', 'deleted-0_1']);
    await directory.deleteSetAside();
    expect(folders()).toEqual(['0_0', '0_2']);
  });

  it('refuses a topology that would misread the stores on disk, and takes any while there are none', async () => {
    const first = open();
    await first.adopt(topology(json()));
    await first.adopt(topology(bytesSerde as Serde<unknown>));
    await first.adopt(topology(json()));
    mkdirSync(first.storeDirectory('0_0', 'rocksdb', 'balances'));
    first.release();
    const second = open();
    await expect(second.adopt(topology(bytesSerde as Serde<unknown>))).rejects.toMatchObject({
      code: 'STREAMS_TOPOLOGY_CHANGED',
      differences: ['store "balances": its value serde was "json" and is now "bytes"'],
    });
    await second.adopt(topology(json()));
  });
});

function topology(value: Serde<unknown>): Topology {
  const key = stringSerde as Serde<unknown>;
  return new TopologyBuilder()
    .addSource({ name: 'in', topic: 'in', key, value: json() })
    .addProcessor({
      name: 'p',
      parents: ['in'],
      stores: ['balances'],
      prefetch: [],
      supplier: { create: () => ({ process: () => undefined }) },
    })
    .addStore({
      name: 'balances',
      kind: 'key-value',
      key,
      value,
      engine: 'memory',
      changelog: { isEnabled: true, config: {} },
      isQueryable: false,
      restorePriority: 0,
    })
    .build({ applicationId: 'bank' });
}
