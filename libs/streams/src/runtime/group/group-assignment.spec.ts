import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulatedGroup } from '../../../../../test/support/simulated-group.js';
import { stringSerde as serde } from '../../serdes/text-serdes.js';
import { TopologyBuilder } from '../../topology/topology-builder.js';
import { decodeAssignment, encodeSubscription } from '../assignment/user-data.js';
import { GroupAssignment } from './group-assignment.js';
import { PartitionOwners } from './partition-owners.js';

const MEGABYTE = 1_000_000;
const none = (): void => undefined;
const quiet = { debug: none, info: none, warn: none, error: none };

const change = fc.record({
  kind: fc.constantFrom('join', 'leave', 'crash and return', 'rebalance'),
  who: fc.nat(7),
});

describe('the assignments of a group', () => {
  it('never give a task to two members, and come to rest in balance, whoever joins, leaves and crashes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
        fc.array(change),
        (sizes, changes) => {
          const group = new SimulatedGroup(sizes);
          group.join('i0');
          const check = (): void => {
            const owned = [...group.members.values()].flatMap(({ owned }) => owned);
            expect(new Set(owned).size).toBe(owned.length);
          };
          for (const { kind, who } of changes) {
            if (kind !== 'rebalance' && kind !== 'join' && group.members.size > 1) group.leave(`i${who}`);
            if (kind === 'join' || kind === 'crash and return')
              if (!group.members.has(`i${who}`)) group.join(`i${who}`);
            group.rebalance();
            check();
          }
          group.settle();
          check();
          const counts = Array.from(group.members.values(), ({ owned }) => owned.length);
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(sizes.reduce((sum, size) => sum + size, 0));
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('share tasks out by capacity', () => {
    const group = new SimulatedGroup([12]);
    group.join('small');
    group.join('large', { capacity: 3 });
    group.settle();
    expect(group.members.get('large')!.owned).toHaveLength(9);
  });

  it('fit into one record of the broker, with 10,000 tasks on 200 instances, a new leader included', () => {
    const group = new SimulatedGroup(Array.from({ length: 10 }, () => 1000));
    for (let n = 0; n < 200; n++) group.join(`bank-${n}-7d9f8c6b5-x${n}z`);
    for (const round of group.settle()) expect(round.groupBytes).toBeLessThan(MEGABYTE);
    group.leave('bank-17-7d9f8c6b5-x17z');
    group.changeLeader();
    for (const round of group.settle()) expect(round.groupBytes).toBeLessThan(MEGABYTE);
  }, 30_000);

  it('leave it to members that were there before to say who has left, where the leader is new', () => {
    const topology = new TopologyBuilder()
      .addSource({ name: 's', topic: 't', key: serde, value: serde })
      .addProcessor({
        name: 'p',
        parents: ['s'],
        stores: [],
        prefetch: [],
        supplier: { create: () => ({ process: none }) },
      })
      .build({ applicationId: 'app' });
    const options = { standbyReplicas: 0, maxWarmupReplicas: 1, rackAwareTags: [] };
    const assign = (known: PartitionOwners, ...members: readonly (readonly [string, number])[]) => {
      const assigned = new GroupAssignment(topology, new Map([[0, 2]]), options, quiet).assign(
        members.map(([name, generation]) => ({
          memberId: name,
          instanceId: undefined,
          topics: ['t'],
          userData: subscription(name, generation),
        })),
        known,
        () => true,
      );
      return (name: string) => decodeAssignment(assigned.get(name)!.userData);
    };
    const old = new PartitionOwners('old');
    const first = assign(old, ['old', -1], ['gone', -1]);
    expect(first('old').instances).toBeUndefined();
    old.update(first('old').owners, 1);
    const byNew = assign(new PartitionOwners('new'), ['new', -1], ['old', 1]);
    expect(byNew('new').instances).toBeUndefined();
    expect(byNew('old').departed).toEqual([]);
    expect(old.allDeparted(new Set(byNew('old').instances))).toEqual(['gone']);
    expect(assign(old, ['old', 1], ['new', -1])('old').instances).toBeUndefined();
  });

  it('pass on the first request to stop that is believed, and warn of one that is not', () => {
    const topology = new TopologyBuilder()
      .addSource({ name: 's', topic: 't', key: serde, value: serde })
      .build({ applicationId: 'app' });
    const options = { standbyReplicas: 0, maxWarmupReplicas: 1, rackAwareTags: [] };
    const warnings: string[] = [];
    const logger = { ...quiet, warn: (text: string) => void warnings.push(text) };
    const openReason = (sealed: string | undefined): string | undefined => sealed?.match(/^signed (.*)/)?.[1];
    const assignment = new GroupAssignment(topology, new Map([[0, 1]]), options, logger, openReason);
    const told = (...reasons: string[]): string | undefined => {
      const members = reasons.map((reason, index) => ({
        memberId: `m${index}`,
        instanceId: undefined,
        topics: ['t'],
        userData: subscription(`i${index}`, -1, undefined, reason),
      }));
      const assigned = assignment.assign(members, new PartitionOwners('leader'), () => true);
      return decodeAssignment(assigned.get('m0')!.userData).shutdownReason;
    };
    expect(told('stop', 'signed broken')).toBe('signed broken');
    const count = warnings.length;
    expect(told('stop')).toBeUndefined();
    expect(warnings.slice(count).filter((text) => text.includes('"i0" of the group asks'))).toHaveLength(1);
  });

  it('name neighbours where owners are too many to be named, so that all can learn of all', () => {
    const size = 250;
    const topology = new TopologyBuilder()
      .addSource({ name: 's', topic: 't', key: serde, value: serde })
      .build({ applicationId: 'app' });
    const options = { standbyReplicas: 0, maxWarmupReplicas: 1, rackAwareTags: [] };
    const names = Array.from({ length: size }, (_, n) => `bank-${n}-7d9f8c6b5-x${n}z`);
    const assigned = new GroupAssignment(topology, new Map([[0, 2000]]), options, quiet).assign(
      names.map((name) => ({
        memberId: name,
        instanceId: undefined,
        topics: ['t'],
        userData: subscription(name, -1, `http://${name}:3000`),
      })),
      new PartitionOwners('leader'),
      () => true,
    );
    const known = new Map(names.map((name) => [name, decodeAssignment(assigned.get(name)!.userData)]));
    expect(known.get(names[0])!.owners).toBeUndefined();
    const reached = new Set([names[0]]);
    let rounds = 0;
    for (; reached.size < size; rounds++) {
      const before = reached.size;
      const asked = Array.from(reached);
      for (const name of asked) for (const id of known.get(name)!.neighbours.keys()) reached.add(id);
      expect(reached.size).toBeGreaterThan(before);
    }
    expect(rounds).toBeLessThanOrEqual(8);
  }, 30_000);
});

function subscription(instanceId: string, generation: number, url?: string, shutdownReason?: string): Uint8Array {
  return encodeSubscription({
    processId: instanceId,
    instanceId,
    url,
    topologyFingerprint: '',
    generation,
    ownedTasks: [],
    storedTasks: [],
    readyTasks: [],
    capacity: 1,
    rackTags: {},
    isLeaving: false,
    shutdownReason,
  });
}
