import { TopologyChangedError } from '../../errors/topology-changed-error.js';
import type { JoinedMember, MemberAssignment } from '../../log/group-member.js';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { TaskId } from '../../topology/processor.js';
import { parseTaskId, taskId } from '../../topology/task-id.js';
import type { SubTopology, Topology } from '../../topology/topology.js';
import { assignSticky, type AssignableTask } from '../assignment/sticky-assignor.js';
import { decodeSubscription, encodeAssignment, type TaskOwner } from '../assignment/user-data.js';

/** The tasks of a topology, and who of a group gets which. */
export class GroupAssignment {
  private readonly tasks: readonly AssignableTask[];
  private readonly subs: ReadonlyMap<number, SubTopology>;

  constructor(
    private readonly topology: Topology,
    taskCounts: ReadonlyMap<number, number>,
    private readonly logger: StreamsLogger,
  ) {
    this.subs = new Map(topology.subTopologies.map((sub) => [sub.id, sub]));
    this.tasks = topology.subTopologies.flatMap((sub) =>
      Array.from({ length: taskCounts.get(sub.id) ?? 0 }, (_, partition) => ({
        id: taskId(sub.id, partition),
        isStateful: sub.stores.length > 0,
      })),
    );
  }

  /** On the leader. @throws GroupProtocolError if a member speaks another version. */
  assign(members: readonly JoinedMember[]): Map<string, MemberAssignment> {
    const decoded = members.map((member) => ({ member, data: decodeSubscription(member.userData) }));
    this.warnOfOtherTopologies(decoded.map(({ data }) => data.topologyFingerprint));
    const assigned = assignSticky(
      decoded.map(({ member, data }) => ({ memberId: member.memberId, ...data })),
      this.tasks,
    );
    const owners = new Map<TaskId, TaskOwner>();
    for (const { member, data } of decoded)
      for (const task of assigned.get(member.memberId) ?? [])
        owners.set(task, { instanceId: data.instanceId, url: data.url });
    return new Map(
      Array.from(assigned, ([memberId, tasks]) => [
        memberId,
        {
          partitions: tasks.flatMap((task) => this.partitionsOf(task)),
          userData: encodeAssignment({ tasks, owners }),
        },
      ]),
    );
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
