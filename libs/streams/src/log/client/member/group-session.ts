import { LogError } from '../../../errors/log-error.js';
import type { Clock } from '../../../time/clock.js';
import type { GroupIdentity, GroupListener, GroupMemberOptions, MemberAssignment } from '../../group-member.js';
import { KafkaErrorCode } from '../../protocol/error-codes.js';
import type { ApiName, MemberIdentity, RequestOf, ResponseOf } from '../../protocol/messages.js';
import type { WireConnection } from '../connected-wire.js';
import { closedError, COORDINATOR_MOVED, kafkaError } from '../kafka-error.js';
import { foreignGroup, isForeignGroup } from '../foreign-group.js';
import { refusedSessionTimeout } from '../refused-timeouts.js';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.js';

const NO_GENERATION = -1;
/** Beyond the rebalance time-out, for which a JoinGroup may be parked at the broker. */
const PARKED_MARGIN_MS = 5000;

export interface JoinedGeneration {
  readonly assignment: MemberAssignment;
  readonly identity: GroupIdentity;
}

/** The requests of one membership and what they prove: member id and generation. Who sends which one when is the member's business. */
export class GroupSession {
  /** When the last request was sent that the group answered as to a member. */
  lastContact: number | undefined;
  private coordinator: number | undefined;
  private memberId = '';
  private generationId = NO_GENERATION;
  /** Of this member id. */
  private lostGeneration = NO_GENERATION;

  constructor(
    private readonly connected: WireConnection,
    private readonly options: GroupMemberOptions,
    private readonly listener: GroupListener,
    private readonly clock: Clock,
    private readonly onChange: () => void,
  ) {}

  /** Whether the membership that `identity` proves has ended since. */
  isOver({ memberId, generationId }: GroupIdentity): boolean {
    return memberId !== this.memberId || generationId <= this.lostGeneration;
  }

  identity(): GroupIdentity | undefined {
    if (this.generationId === NO_GENERATION) return undefined;
    const { groupId, instanceId } = this.options;
    return { groupId, memberId: this.memberId, generationId: this.generationId, instanceId };
  }

  /**
   * JoinGroup and SyncGroup; on the leader, the assignment between them. Sends nothing more once `signal` aborts.
   * @throws LogError whose code names why it has to be tried again, or not.
   */
  async join(signal: AbortSignal): Promise<JoinedGeneration> {
    const { groupId, sessionTimeoutMs, rebalanceTimeoutMs, protocolName, topics } = this.options;
    const metadata = encodeSubscription({ topics, userData: this.listener.subscription() });
    const request = {
      groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.memberId,
      instanceId: this.instanceId,
    };
    const parkedMs = rebalanceTimeoutMs + PARKED_MARGIN_MS;
    const joined = await this.send(
      'joinGroup',
      { ...request, protocols: [{ name: protocolName, metadata }] },
      { timeoutMs: parkedMs, signal },
    );
    // KIP-394: the broker names the member, which joins again under that name.
    if (joined.error === KafkaErrorCode.MEMBER_ID_REQUIRED) this.memberId = joined.memberId;
    if (joined.error === KafkaErrorCode.INVALID_SESSION_TIMEOUT) throw refusedSessionTimeout(sessionTimeoutMs, groupId);
    if (isForeignGroup(joined.error)) throw foreignGroup(joined.error, groupId);
    this.check(joined.error, 'JoinGroup');
    this.memberId = joined.memberId;
    this.generationId = joined.generationId;
    this.onChange();
    const assignments = joined.leaderId === joined.memberId ? await this.assignAll(joined) : [];
    const sentAt = this.clock.monotonic();
    const synced = await this.send('syncGroup', { ...this.member(), assignments }, { timeoutMs: parkedMs, signal });
    this.check(synced.error, 'SyncGroup');
    this.lastContact = sentAt;
    const identity = this.identity();
    if (identity === undefined) throw kafkaError(KafkaErrorCode.ILLEGAL_GENERATION, 'SyncGroup');
    return { assignment: decodeAssignment(Buffer.from(synced.assignment)), identity };
  }

  /** @returns the error code, or 0 if the answer belongs to a generation that is over. */
  async heartbeat(): Promise<number> {
    const asked = this.generationId;
    const sentAt = this.clock.monotonic();
    const { error } = await this.send('heartbeat', this.member());
    if (error === KafkaErrorCode.NONE || error === KafkaErrorCode.REBALANCE_IN_PROGRESS) this.lastContact = sentAt;
    if (COORDINATOR_MOVED.has(error)) this.coordinator = undefined;
    return asked === this.generationId ? error : KafkaErrorCode.NONE;
  }

  async leave(): Promise<void> {
    if (this.memberId === '') return;
    const members = [{ memberId: this.memberId, instanceId: this.instanceId }];
    await this.send('leaveGroup', { groupId: this.options.groupId, members });
    this.forget(KafkaErrorCode.UNKNOWN_MEMBER_ID);
  }

  /** The broker does not know this member, or not this generation, any more. */
  forget(code: number): void {
    if (code === KafkaErrorCode.UNKNOWN_MEMBER_ID) {
      this.memberId = '';
      this.lostGeneration = NO_GENERATION;
    } else this.lostGeneration = Math.max(this.lostGeneration, this.generationId);
    this.generationId = NO_GENERATION;
    this.onChange();
  }

  private async assignAll(joined: ResponseOf<'joinGroup'>): Promise<RequestOf<'syncGroup'>['assignments']> {
    const members = joined.members.map(({ memberId, instanceId, metadata }) => {
      return { memberId, instanceId: instanceId ?? undefined, ...decodeSubscription(Buffer.from(metadata)) };
    });
    const assigned = await this.listener.assign(members);
    return Array.from(assigned, ([memberId, assignment]) => ({ memberId, assignment: encodeAssignment(assignment) }));
  }

  private check(error: number, during: string): void {
    if (error === KafkaErrorCode.NONE) return;
    if (error === KafkaErrorCode.UNKNOWN_MEMBER_ID || error === KafkaErrorCode.ILLEGAL_GENERATION) this.forget(error);
    if (COORDINATOR_MOVED.has(error)) this.coordinator = undefined;
    if (error === KafkaErrorCode.MEMBER_ID_REQUIRED)
      throw new LogError('retriable', 'LOG_MEMBER_ID_REQUIRED', 'The group has named this member, which joins again.');
    throw kafkaError(error, `${during} of the group "${this.options.groupId}"`);
  }

  private async send<A extends ApiName>(
    api: A,
    request: RequestOf<A>,
    { timeoutMs, signal }: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<ResponseOf<A>> {
    try {
      await this.connected.connect();
      this.coordinator ??= await this.connected.wire.coordinator(this.options.groupId, 'group');
      if (signal?.aborted) throw closedError('group member');
      return await this.connected.wire.send(this.coordinator, api, request, timeoutMs);
    } catch (error) {
      this.coordinator = undefined;
      throw error;
    }
  }

  private get instanceId(): string | null {
    return this.options.instanceId ?? null;
  }

  private member(): MemberIdentity {
    return {
      groupId: this.options.groupId,
      generationId: this.generationId,
      memberId: this.memberId,
      instanceId: this.instanceId,
    };
  }
}
