import type { Clock } from '../../../time/clock.js';
import type { TopicPartition } from '../../log.js';
import { KafkaErrorCode as E } from '../../protocol/error-codes.js';
import type { MemberIdentity, RequestOf, ResponseOf } from '../../protocol/messages.js';
import type { TopicRegistry } from '../topics/topic-registry.js';
import { ConsumerGroup } from './consumer-group.js';
import type { GroupOffsets } from './group-offsets.js';
import { refusedJoin } from './member.js';

/** Tells which offsets hang on an open transaction. */
export interface PendingOffsets {
  isPending(groupId: string, partition: TopicPartition): boolean;
}

const NOTHING_COMMITTED = -1;

/** The requests of consumer groups: membership and committed offsets. */
export class GroupCoordinator {
  private readonly groups = new Map<string, ConsumerGroup>();
  private membersNamed = 0;

  constructor(
    private readonly topics: TopicRegistry,
    private readonly offsets: GroupOffsets,
    private readonly transactions: PendingOffsets,
    private readonly clock: Clock,
  ) {}

  join(request: RequestOf<'joinGroup'>, role: string): ResponseOf<'joinGroup'> | Promise<ResponseOf<'joinGroup'>> {
    if (request.groupId === '') return refusedJoin(E.INVALID_GROUP_ID);
    let group = this.groups.get(request.groupId);
    if (group === undefined) this.groups.set(request.groupId, (group = new ConsumerGroup(this.clock)));
    return group.join(request, () => `${request.instanceId ?? role}-${++this.membersNamed}`);
  }

  sync(request: RequestOf<'syncGroup'>): ResponseOf<'syncGroup'> | Promise<ResponseOf<'syncGroup'>> {
    const group = this.groups.get(request.groupId);
    return group?.sync(request) ?? { error: E.UNKNOWN_MEMBER_ID, assignment: new Uint8Array(0) };
  }

  heartbeat(request: RequestOf<'heartbeat'>): ResponseOf<'heartbeat'> {
    return { error: this.groups.get(request.groupId)?.heartbeat(request) ?? E.UNKNOWN_MEMBER_ID };
  }

  leave({ groupId, members }: RequestOf<'leaveGroup'>): ResponseOf<'leaveGroup'> {
    const group = this.groups.get(groupId);
    const errors = members.map((member) => group?.leave(member) ?? E.UNKNOWN_MEMBER_ID);
    return { error: errors.find((error) => error !== E.NONE) ?? E.NONE };
  }

  /** The error code for offsets of a member, transactional ones (KIP-447) or not; 0 if it may commit. */
  verifyCommit(identity: MemberIdentity, isTransactional: boolean): number {
    const group = this.groups.get(identity.groupId);
    if (group !== undefined) return group.commitError(identity, isTransactional);
    return identity.generationId < 0 ? E.NONE : E.ILLEGAL_GENERATION;
  }

  commitOffsets(request: RequestOf<'offsetCommit'>): ResponseOf<'offsetCommit'> {
    const refusal = this.verifyCommit(request, false);
    return {
      topics: request.topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, offset, metadata }) => {
          if (refusal !== E.NONE) return { partition, error: refusal };
          const at = { topic, partition };
          if (this.topics.log(at) === undefined) return { partition, error: E.UNKNOWN_TOPIC_OR_PARTITION };
          this.offsets.commit(request.groupId, { ...at, offset, metadata });
          return { partition, error: E.NONE };
        }),
      })),
    };
  }

  fetchOffsets({ groupId, requireStable, topics }: RequestOf<'offsetFetch'>): ResponseOf<'offsetFetch'> {
    return {
      error: E.NONE,
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map((partition) => {
          const at = { topic, partition };
          if (requireStable && this.transactions.isPending(groupId, at)) {
            return { partition, error: E.UNSTABLE_OFFSET_COMMIT, offset: NOTHING_COMMITTED, metadata: null };
          }
          const committed = this.offsets.get(groupId, at);
          const { offset, metadata } = committed ?? { offset: NOTHING_COMMITTED, metadata: null };
          return { partition, error: E.NONE, offset, metadata };
        }),
      })),
    };
  }

  close(): void {
    for (const group of this.groups.values()) group.close();
  }
}
