import { TopologyChangedError } from '../../errors/topology-changed-error.js';
import type { JoinedMember, MemberAssignment } from '../../log/group-member.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { TaskId } from '../../topology/processor.js';
import { parseTaskId, taskId } from '../../topology/task-id.js';
import type { SubTopology, Topology } from '../../topology/topology.js';
import type { AssignableTask } from '../assignment/sticky-assignor.js';
import { assignTasks, type MemberTasks, type TaskAssignorOptions } from '../assignment/task-assignor.js';
import type { PartitionOwners } from './partition-owners.js';
import { decodeSubscription, encodeAssignment, packOwners, type TaskOwner } from '../assignment/user-data.js';

/** More than one, since one may be about to fail itself. */
const WITNESSES = 3;

/** The tasks of a topology, and who of a group gets which. */
export class GroupAssignment {
  private readonly subs: ReadonlyMap<number, SubTopology>;

  constructor(
    private readonly topology: Topology,
    /** By sub-topology; may grow. */
    private readonly taskCounts: ReadonlyMap<number, number>,
    private readonly options: TaskAssignorOptions,
    private readonly logger: StreamsLogger,
    /** Which of the requests to stop is believed. */
    private readonly openReason: (sealed: string | undefined) => string | undefined = (reason) => reason,
  ) {
    this.subs = new Map(topology.subTopologies.map((sub) => [sub.id, sub]));
  }

  /**
   * On the leader. A task that is to move is given to nobody as long as a member holds it: it waits for the generation that follows (KIP-429).
   * @param known who owned the tasks until now; learns who does now.
   * @param isQuick whether a task without any state runs soon. @throws GroupProtocolError if a member speaks another version.
   */
  assign(
    members: readonly JoinedMember[],
    known: PartitionOwners,
    isQuick: (task: TaskId) => boolean,
  ): Map<string, MemberAssignment> {
    const decoded = members.map(({ memberId, userData }) => ({ memberId, ...decodeSubscription(userData) }));
    this.warnOfOtherTopologies(decoded.map(({ topologyFingerprint }) => topologyFingerprint));
    const asked = decoded.filter(({ shutdownReason }) => shutdownReason !== undefined);
    const stopping = asked.find(({ shutdownReason }) => this.openReason(shutdownReason) !== undefined);
    if (asked.length > 0 && stopping === undefined)
      this.logger.warn(
        `The member "${asked[0].instanceId}" of the group asks all instances to stop, without a valid signature by "peers.secret". It is ignored: give all instances the same secret, and find out who may join the group.`,
      );
    const claims = claimsOf(decoded);
    const staying = decoded.filter(({ isLeaving }) => !isLeaving);
    const { members: target, isWarmingUp } = assignTasks(
      staying.map((member) => ({
        ...member,
        ownedTasks: member.ownedTasks.filter((task) => claims.get(task) === member.memberId),
      })),
      this.tasks().map((task) => ({ ...task, isQuick: isQuick(task.id) })),
      this.options,
    );
    const instances = new Set(decoded.map(({ instanceId }) => instanceId));
    const owners = new Map<TaskId, TaskOwner>();
    const given = new Map<string, MemberTasks>();
    let followUp = false;
    for (const { memberId, instanceId, url } of decoded) {
      const { active, standby } = target.get(memberId) ?? { active: [], standby: [] };
      const isFree = (task: TaskId): boolean => (claims.get(task) ?? memberId) === memberId;
      const free = active.filter(isFree);
      // A copy of what is to come is kept up to date until it comes.
      const waiting = active.filter((task) => !isFree(task) && this.hasChangelog(task));
      followUp ||= free.length < active.length;
      given.set(memberId, { active: free, standby: [...standby, ...waiting] });
      for (const task of free) owners.set(task, { instanceId, url });
    }
    // Who was here before knows more than a leader that was not.
    const witnesses = known.isEmpty ? witnessesOf(decoded) : new Set<string>();
    const packed = packOwners(owners, members.length);
    const shared = {
      isWarmingUp,
      followUp,
      members: members.length,
      shutdownReason: stopping?.shutdownReason,
    };
    const urls = decoded.map(({ instanceId, url }) => ({ instanceId, url }));
    const assigned = Array.from(given, ([memberId, { active, standby }], index) => {
      const departed = known.departed(active, instances);
      const named = witnesses.has(memberId) ? [...instances] : undefined;
      const neighbours = packed === undefined ? neighboursOf(urls, index) : new Map<string, string>();
      const data = { ...shared, tasks: active, standbys: standby, neighbours, departed, instances: named };
      const userData = encodeAssignment(data, packed);
      return [memberId, { partitions: active.flatMap((task) => this.partitionsOf(task)), userData }] as const;
    });
    known.remember(owners);
    return new Map(assigned);
  }

  /** The sub-topology of an assigned task. @throws TopologyChangedError if the leader runs another topology that has it. */
  locate(task: TaskId): { readonly sub: SubTopology; readonly partition: number } {
    const { subTopology, partition } = parseTaskId(task) ?? { subTopology: -1, partition: -1 };
    const sub = this.subs.get(subTopology);
    if (sub !== undefined) return { sub, partition };
    throw new TopologyChangedError(
      [`the group's leader assigned the task ${task}, which does not exist in the topology of this instance`],
      'Run one version of the application on all instances.',
    );
  }

  private tasks(): AssignableTask[] {
    return this.topology.subTopologies.flatMap((sub) =>
      Array.from({ length: this.taskCounts.get(sub.id) ?? 0 }, (_, partition) => ({
        id: taskId(sub.id, partition),
        isStateful: sub.stores.some(({ changelog }) => changelog.isEnabled),
      })),
    );
  }

  private hasChangelog(task: TaskId): boolean {
    return this.locate(task).sub.stores.some(({ changelog }) => changelog.isEnabled);
  }

  private partitionsOf(task: TaskId): { topic: string; partition: number }[] {
    const { sub, partition } = this.locate(task);
    return [...new Set(sub.sources.map(({ topic }) => topic))].map((topic) => ({ topic, partition }));
  }

  private warnOfOtherTopologies(fingerprints: readonly string[]): void {
    const own = this.topology.fingerprint();
    const others = fingerprints.filter((fingerprint) => fingerprint !== own).length;
    if (others > 0)
      this.logger.warn(
        `${others} of ${fingerprints.length} instances run another topology. Tasks are assigned by the one of this instance until all run the same.`,
      );
  }
}

/** A few of the members that were there before, the latest first. All of them know the same, and a list of all instances in each assignment is too large. */
function witnessesOf(
  members: readonly { readonly memberId: string; readonly generation: number }[],
): ReadonlySet<string> {
  const before = members.filter(({ generation }) => generation >= 0);
  const latest = before.toSorted((a, b) => b.generation - a.generation).slice(0, WITNESSES);
  return new Set(latest.map(({ memberId }) => memberId));
}

/** Those at distances 1, 2, 4 and so on: what one knows has come to all after as many exchanges as the group's size has bits. */
function neighboursOf(members: readonly TaskOwner[], index: number): Map<string, string> {
  const neighbours = new Map<string, string>();
  for (let distance = 1; distance < members.length; distance *= 2) {
    const { instanceId, url } = members[(index + distance) % members.length];
    if (url !== undefined) neighbours.set(instanceId, url);
  }
  return neighbours;
}

/** Which member holds each task. Of two that say so, the one that was told later is right. */
function claimsOf(
  members: readonly {
    readonly memberId: string;
    readonly generation: number;
    readonly ownedTasks: readonly TaskId[];
  }[],
): Map<TaskId, string> {
  const claims = new Map<TaskId, string>();
  for (const { memberId, ownedTasks } of [...members].sort((a, b) => a.generation - b.generation))
    for (const task of ownedTasks) claims.set(task, memberId);
  return claims;
}
