import {
  encodeAssignment as encodeMember,
  encodeSubscription as encodeJoin,
} from '../../libs/streams/src/log/client/member/consumer-protocol.js';
import type { TaskAssignorOptions } from '../../libs/streams/src/runtime/assignment/task-assignor.js';
import { decodeAssignment, encodeSubscription } from '../../libs/streams/src/runtime/assignment/user-data.js';
import { GroupAssignment } from '../../libs/streams/src/runtime/group/group-assignment.js';
import { PartitionOwners } from '../../libs/streams/src/runtime/group/partition-owners.js';
import { stringSerde as serde } from '../../libs/streams/src/serdes/text-serdes.js';
import type { TaskId } from '../../libs/streams/src/topology/processor.js';
import { TopologyBuilder } from '../../libs/streams/src/topology/topology-builder.js';
import type { Topology } from '../../libs/streams/src/topology/topology.js';
import { quiet } from './bank.js';

/** What one rebalance took. */
export interface Round {
  /** For the leader, to decode, decide and encode. */
  readonly assignMs: number;
  readonly largestSubscription: number;
  readonly largestAssignment: number;
  /** What the broker keeps in one record. */
  readonly groupBytes: number;
  /** Tasks that began to run elsewhere than before. */
  readonly moves: number;
  /** Tasks wait to move, for their owners or for copies. */
  readonly isWaiting: boolean;
}

interface Member {
  readonly name: string;
  readonly capacity: number;
  readonly rackTags: Readonly<Record<string, string>>;
  generation: number;
  owned: readonly TaskId[];
  copies: readonly TaskId[];
}

/** Members of a group without a broker, their rebalances one after the other. Every copy is ready at once. */
export class SimulatedGroup {
  readonly members = new Map<string, Member>();
  readonly topology: Topology;
  private readonly assignment: GroupAssignment;
  private owners = new PartitionOwners('leader');
  private readonly lastOwner = new Map<TaskId, string>();
  private generation = 0;

  /** One sub-topology with a store for each count of partitions. */
  constructor(partitions: readonly number[], assignor: Partial<TaskAssignorOptions> = {}) {
    const builder = new TopologyBuilder();
    partitions.forEach((_, n) => {
      const processor = `processor-${n}`;
      builder
        .addSource({ name: `source-${n}`, topic: `topic-${n}`, key: serde, value: serde })
        .addProcessor({
          name: processor,
          parents: [`source-${n}`],
          stores: [`store-${n}`],
          prefetch: [],
          supplier: { create: () => ({ process: () => undefined }) },
        })
        .addStore({
          name: `store-${n}`,
          kind: 'key-value',
          key: serde,
          value: serde,
          engine: 'memory',
          changelog: { isEnabled: true, config: {} },
          isQueryable: false,
          restorePriority: 0,
        });
    });
    this.topology = builder.build({ applicationId: 'app' });
    const counts = new Map(this.topology.subTopologies.map(({ id }) => [id, partitions[id]!]));
    const options = { standbyReplicas: 1, maxWarmupReplicas: 2, rackAwareTags: [], ...assignor };
    this.assignment = new GroupAssignment(this.topology, counts, options, quiet);
  }

  join(name: string, { capacity = 1, rackTags = {} }: Partial<Pick<Member, 'capacity' | 'rackTags'>> = {}): void {
    this.members.set(name, { name, capacity, rackTags, generation: -1, owned: [], copies: [] });
  }

  leave(name: string): void {
    this.members.delete(name);
  }

  /** The next leader knows nothing of the assignments before. */
  changeLeader(): void {
    this.owners = new PartitionOwners('leader');
  }

  rebalance(): Round {
    const joined = Array.from(this.members.values(), (member) => ({
      memberId: member.name,
      instanceId: undefined,
      topics: this.topology.sourceTopics,
      userData: claim(member),
    }));
    const topics = this.topology.sourceTopics;
    const subscriptions = joined.map(({ userData }) => encodeJoin({ topics, userData }).length);
    const startedAt = performance.now();
    const assigned = this.assignment.assign(joined, this.owners, () => false);
    const assignMs = performance.now() - startedAt;
    const assignments = Array.from(assigned.values(), (each) => encodeMember(each).length);
    this.generation++;
    let moves = 0;
    let isWaiting = false;
    for (const member of this.members.values()) {
      const data = decodeAssignment(assigned.get(member.name)!.userData);
      for (const task of data.tasks) {
        const before = this.lastOwner.get(task);
        if (before !== undefined && before !== member.name) moves++;
        this.lastOwner.set(task, member.name);
      }
      Object.assign(member, { owned: data.tasks, copies: data.standbys, generation: this.generation });
      isWaiting ||= data.followUp || data.isWarmingUp;
    }
    const largest = (lengths: readonly number[]): number => lengths.reduce((a, b) => Math.max(a, b), 0);
    const sum = (lengths: readonly number[]): number => lengths.reduce((a, b) => a + b, 0);
    return {
      assignMs,
      largestSubscription: largest(subscriptions),
      largestAssignment: largest(assignments),
      groupBytes: sum(subscriptions) + sum(assignments),
      moves,
      isWaiting,
    };
  }

  /** Rebalances until nothing waits any more. @throws Error if that never happens. */
  settle(): Round[] {
    const rounds: Round[] = [];
    do {
      rounds.push(this.rebalance());
      if (rounds.length > 1000) throw new Error('The group does not come to rest.');
    } while (rounds.at(-1)!.isWaiting);
    return rounds;
  }
}

function claim({ name, capacity, rackTags, generation, owned, copies }: Member): Uint8Array {
  const stored = [...owned, ...copies];
  return encodeSubscription({
    processId: `process-of-${name}`,
    instanceId: name,
    url: `http://${name}.streams.svc.cluster.local:3000`,
    topologyFingerprint: 'f'.repeat(16),
    generation,
    ownedTasks: owned,
    storedTasks: stored,
    readyTasks: stored,
    capacity,
    rackTags,
    isLeaving: false,
    shutdownReason: undefined,
  });
}
