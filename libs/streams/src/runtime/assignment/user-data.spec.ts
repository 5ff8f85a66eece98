import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GroupProtocolError } from '../../errors/group-protocol-error.js';
import type { TaskId } from '../../topology/processor.js';
import { compareTaskIds, taskId } from '../../topology/task-id.js';
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  packOwners,
  type TaskOwner,
} from './user-data.js';

const taskIds = fc
  .uniqueArray(fc.tuple(fc.nat(5), fc.nat(200)), { selector: String, maxLength: 60 })
  .map((pairs) => pairs.map(([sub, partition]) => taskId(sub, partition)).sort(compareTaskIds));
const url = fc.option(fc.webUrl(), { nil: undefined });

describe('group metadata', () => {
  it('carries a subscription there and back', () => {
    fc.assert(
      fc.property(taskIds, taskIds, url, fc.string(), (ownedTasks, storedTasks, url, instanceId) => {
        const data = {
          processId: 'p',
          instanceId,
          url,
          topologyFingerprint: 'f',
          generation: 7,
          ownedTasks,
          storedTasks,
          readyTasks: storedTasks.slice(1),
          capacity: ownedTasks.length + 1,
          rackTags: (url === undefined ? {} : { zone: url }) as Record<string, string>,
          isLeaving: ownedTasks.length > 3,
          shutdownReason: url,
        };
        expect(decodeSubscription(encodeSubscription(data))).toEqual(data);
      }),
    );
  });

  it('carries an assignment with the owners of all tasks there and back', () => {
    fc.assert(
      fc.property(taskIds, fc.array(fc.tuple(fc.string(), url), { minLength: 1, maxLength: 4 }), (tasks, instances) => {
        const owners = new Map<TaskId, TaskOwner>(
          tasks.map((task, index) => {
            const [instanceId, url] = instances[index % instances.length] ?? ['', undefined];
            return [task, { instanceId, url }];
          }),
        );
        const data = {
          tasks,
          standbys: tasks.slice(1),
          isWarmingUp: tasks.length > 4,
          neighbours: new Map(tasks.length > 5 ? [['b', 'http://b']] : []),
          followUp: tasks.length > 3,
          departed: ['a'],
          instances: tasks.length > 5 ? ['b', 'c'] : undefined,
          members: 3,
          shutdownReason: undefined,
        };
        expect(decodeAssignment(encodeAssignment(data, packOwners(owners, 3)))).toEqual({ ...data, owners });
        expect(decodeAssignment(encodeAssignment(data, undefined))).toEqual({ ...data, owners: undefined });
      }),
    );
  });

  it('stays small: a thousand tasks on three instances take less than 16 KiB', () => {
    const owners = new Map<TaskId, TaskOwner>();
    for (let n = 0; n < 1000; n++) {
      owners.set(taskId(0, n), { instanceId: `instance-${n % 3}`, url: `http://host-${n % 3}:3000` });
    }
    const nothing = {
      tasks: [],
      standbys: [],
      isWarmingUp: false,
      neighbours: new Map<string, string>(),
      followUp: false,
      departed: [],
      instances: undefined,
    };
    const data = { ...nothing, members: 3, shutdownReason: undefined };
    expect(encodeAssignment(data, packOwners(owners, 3)).length).toBeLessThan(16 * 1024);
  });

  it('leaves the owners out where all assignments together would become too large', () => {
    const owners = new Map<TaskId, TaskOwner>();
    for (let n = 0; n < 10_000; n++) owners.set(taskId(0, n), { instanceId: `instance-${n % 199}`, url: undefined });
    expect(packOwners(owners, 2)).toBeDefined();
    expect(packOwners(owners, 200)).toBeUndefined();
  });

  it('refuses other versions and foreign bytes with what to do', () => {
    for (const bytes of [Buffer.from('{"version":2}'), Buffer.from('null'), Buffer.from([0, 1, 2]), Buffer.alloc(0)]) {
      expect(() => decodeSubscription(bytes)).toThrow(GroupProtocolError);
      expect(() => decodeAssignment(bytes)).toThrow(GroupProtocolError);
    }
    expect(() => decodeSubscription(Buffer.from('{"version":2}'))).toThrow(/version 2.*same release/);
    expect(() => decodeAssignment(Buffer.from('{"version":3,"tasks":"0:9-","owners":[]}'))).toThrow(GroupProtocolError);
  });
});
