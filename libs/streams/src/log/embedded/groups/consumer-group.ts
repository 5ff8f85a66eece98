import type { CancelTimer, Clock } from '../../../time/clock.js';
import { KafkaErrorCode as E } from '../../protocol/error-codes.js';
import type { MemberIdentity, RequestOf, ResponseOf } from '../../protocol/messages.js';
import { Member, Parked, refusedJoin } from './member.js';

type JoinRequest = RequestOf<'joinGroup'>;
type JoinResponse = ResponseOf<'joinGroup'>;
type SyncResponse = ResponseOf<'syncGroup'>;

/**
 *   empty -> preparing -> completing -> stable
 *     ^         | ^           |           |
 *     +---------+ +-----------+-----------+
 *
 * preparing: members are asked to join again; completing: the leader's assignment is awaited.
 */
type GroupState = 'empty' | 'preparing' | 'completing' | 'stable';

const NO_BYTES = new Uint8Array(0);

/** One consumer group by the classic protocol, with static members (KIP-345) and member ids that are given before the join (KIP-394). */
export class ConsumerGroup {
  private state: GroupState = 'empty';
  private generationId = 0;
  private protocol: string | null = null;
  private leaderId = '';
  private readonly members = new Map<string, Member>();
  private readonly instances = new Map<string, Member>();
  /** Named by the broker, and expected to join under that name. */
  private readonly named = new Map<string, CancelTimer>();
  private cancelRebalance: CancelTimer | undefined;

  constructor(private readonly clock: Clock) {}

  join(request: JoinRequest, newMemberId: () => string): JoinResponse | Promise<JoinResponse> {
    if (!this.isProtocolShared(request)) return refusedJoin(E.INCONSISTENT_GROUP_PROTOCOL, request.memberId);
    if (request.memberId === '') {
      return request.instanceId === null ? this.name(request, newMemberId()) : this.joinStatic(request, newMemberId());
    }
    if (this.named.has(request.memberId)) {
      this.unname(request.memberId);
      return this.add(new Member(request.memberId, request));
    }
    const error = this.memberError(request.memberId, request.instanceId);
    if (error !== E.NONE) return refusedJoin(error, request.memberId);
    return this.rejoin(this.members.get(request.memberId)!, request);
  }

  sync(request: RequestOf<'syncGroup'>): SyncResponse | Promise<SyncResponse> {
    const error = this.generationError(request);
    if (error !== E.NONE) return { error, assignment: NO_BYTES };
    const member = this.members.get(request.memberId)!;
    if (this.state === 'preparing') return { error: E.REBALANCE_IN_PROGRESS, assignment: NO_BYTES };
    this.renewSession(member);
    if (this.state === 'stable') return { error: E.NONE, assignment: member.assignment };
    member.syncing ??= new Parked();
    const { answered } = member.syncing;
    if (member.memberId === this.leaderId) this.assign(request.assignments);
    return answered;
  }

  heartbeat(request: MemberIdentity): number {
    const error = this.generationError(request);
    if (error !== E.NONE) return error;
    this.renewSession(this.members.get(request.memberId)!);
    return this.state === 'preparing' ? E.REBALANCE_IN_PROGRESS : E.NONE;
  }

  leave({ memberId, instanceId }: RequestOf<'leaveGroup'>['members'][number]): number {
    if (this.named.has(memberId)) {
      this.unname(memberId);
      this.completeJoinIfAllJoined();
      return E.NONE;
    }
    const byInstance = instanceId === null ? undefined : this.instances.get(instanceId);
    const error = memberId === '' && byInstance ? E.NONE : this.memberError(memberId, instanceId);
    if (error === E.NONE) this.remove(byInstance ?? this.members.get(memberId)!);
    return error;
  }

  /** Whether the sender may commit offsets: a member of this generation, or anybody without a membership while there are no members. */
  commitError({ generationId, memberId, instanceId }: MemberIdentity, isTransactional: boolean): number {
    if (generationId < 0 && this.state === 'empty') return E.NONE;
    const error = this.memberError(memberId, instanceId);
    if (error !== E.NONE) return error;
    if (generationId !== this.generationId) return E.ILLEGAL_GENERATION;
    return this.state === 'completing' && !isTransactional ? E.REBALANCE_IN_PROGRESS : E.NONE;
  }

  close(): void {
    this.cancelRebalance?.();
    for (const cancel of this.named.values()) cancel();
    for (const { cancelSession } of this.members.values()) cancelSession?.();
  }

  private name(request: JoinRequest, memberId: string): JoinResponse {
    this.named.set(
      memberId,
      this.clock.schedule(request.sessionTimeoutMs, () => {
        this.named.delete(memberId);
        this.completeJoinIfAllJoined();
      }),
    );
    return refusedJoin(E.MEMBER_ID_REQUIRED, memberId);
  }

  private unname(memberId: string): void {
    this.named.get(memberId)?.();
    this.named.delete(memberId);
  }

  private joinStatic(request: JoinRequest, memberId: string): JoinResponse | Promise<JoinResponse> {
    const member = new Member(memberId, request);
    const older = this.instances.get(request.instanceId!);
    if (older === undefined) return this.add(member);
    older.refuse(E.FENCED_INSTANCE_ID);
    this.members.delete(older.memberId);
    member.assignment = older.assignment;
    this.insert(member);
    const leaderBefore = this.leaderId;
    if (this.leaderId === older.memberId) this.leaderId = memberId;
    if (this.state === 'stable' && this.protocol === this.sharedProtocol()) {
      this.renewSession(member);
      // Named after its predecessor, a leader that comes back assigns nothing: the assignment stays.
      return { ...this.joined(member), leaderId: leaderBefore, members: [] };
    }
    return this.park(member);
  }

  private rejoin(member: Member, request: JoinRequest): JoinResponse | Promise<JoinResponse> {
    const isUnchanged = member.isUnchangedBy(request);
    member.update(request);
    const isAnsweredAgain =
      isUnchanged && (this.state === 'completing' || (this.state === 'stable' && member.memberId !== this.leaderId));
    if (!isAnsweredAgain) return this.park(member);
    this.renewSession(member);
    return this.joined(member);
  }

  private add(member: Member): Promise<JoinResponse> {
    this.insert(member);
    return this.park(member);
  }

  private insert(member: Member): void {
    this.members.set(member.memberId, member);
    if (member.instanceId !== null) this.instances.set(member.instanceId, member);
    if (this.leaderId === '') this.leaderId = member.memberId;
  }

  private park(member: Member): Promise<JoinResponse> {
    // A repeat of a join whose answer was lost takes the place of the first.
    member.joining?.answer(refusedJoin(E.REBALANCE_IN_PROGRESS, member.memberId));
    member.joining = new Parked();
    const { answered } = member.joining;
    // It shows that it lives by waiting.
    member.cancelSession?.();
    if (this.state !== 'preparing') this.rebalance();
    this.completeJoinIfAllJoined();
    return answered;
  }

  private rebalance(): void {
    this.state = 'preparing';
    for (const member of this.members.values()) {
      member.syncing?.answer({ error: E.REBALANCE_IN_PROGRESS, assignment: NO_BYTES });
      if (member.syncing) this.renewSession(member);
      member.syncing = undefined;
    }
    this.scheduleRebalanceEnd(() => this.completeJoin());
  }

  private completeJoinIfAllJoined(): void {
    if (this.state !== 'preparing' || this.named.size > 0) return;
    for (const { joining } of this.members.values()) if (joining === undefined) return;
    this.completeJoin();
  }

  /** Goes on with those that have joined; a static member that has not keeps its place until its session ends. */
  private completeJoin(): void {
    for (const member of this.members.values()) {
      if (member.joining === undefined && member.instanceId === null) this.forget(member, E.UNKNOWN_MEMBER_ID);
    }
    this.cancelRebalance?.();
    this.generationId++;
    if (this.members.size === 0) {
      this.state = 'empty';
      this.protocol = null;
      this.leaderId = '';
      return;
    }
    const joined = [...this.members.values()].filter(({ joining }) => joining !== undefined);
    if (joined.length === 0) return this.scheduleRebalanceEnd(() => this.completeJoin());
    if (this.members.get(this.leaderId)?.joining === undefined) this.leaderId = joined[0]!.memberId;
    this.protocol = this.sharedProtocol() ?? null;
    this.state = 'completing';
    for (const member of joined) {
      const { joining } = member;
      member.joining = undefined;
      this.renewSession(member);
      joining!.answer(this.joined(member));
    }
    this.scheduleRebalanceEnd(() => this.expelUnsynced());
  }

  private assign(assignments: RequestOf<'syncGroup'>['assignments']): void {
    this.cancelRebalance?.();
    this.state = 'stable';
    const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]));
    for (const member of this.members.values()) {
      member.assignment = byMember.get(member.memberId) ?? NO_BYTES;
      const { syncing, assignment } = member;
      member.syncing = undefined;
      if (syncing === undefined) continue;
      this.renewSession(member);
      syncing.answer({ error: E.NONE, assignment });
    }
  }

  private expelUnsynced(): void {
    if (this.state !== 'completing') return;
    for (const member of this.members.values()) {
      if (member.syncing === undefined) this.forget(member, E.UNKNOWN_MEMBER_ID);
    }
    this.rebalance();
    this.completeJoinIfAllJoined();
  }

  private renewSession(member: Member): void {
    member.cancelSession?.();
    member.cancelSession = this.clock.schedule(member.sessionTimeoutMs, () => {
      if (member.joining === undefined && member.syncing === undefined) this.remove(member);
      else this.renewSession(member);
    });
  }

  private remove(member: Member): void {
    this.forget(member, E.UNKNOWN_MEMBER_ID);
    if (this.state === 'stable' || this.state === 'completing') this.rebalance();
    this.completeJoinIfAllJoined();
  }

  private forget(member: Member, error: number): void {
    member.refuse(error);
    this.members.delete(member.memberId);
    if (member.instanceId !== null) this.instances.delete(member.instanceId);
    if (this.leaderId !== member.memberId) return;
    const [next] = this.members.keys();
    this.leaderId = next ?? '';
  }

  private scheduleRebalanceEnd(action: () => void): void {
    this.cancelRebalance?.();
    let timeoutMs = 0;
    for (const { rebalanceTimeoutMs } of this.members.values()) timeoutMs = Math.max(timeoutMs, rebalanceTimeoutMs);
    this.cancelRebalance = this.clock.schedule(timeoutMs, action);
  }

  private joined({ memberId }: Member): JoinResponse {
    const { generationId, leaderId, protocol } = this;
    const members =
      memberId === leaderId
        ? Array.from(this.members.values(), (member) => ({
            memberId: member.memberId,
            instanceId: member.instanceId,
            metadata: member.metadata(protocol ?? ''),
          }))
        : [];
    return { error: E.NONE, generationId, protocol, leaderId, memberId, members };
  }

  private isProtocolShared({ protocols, memberId }: JoinRequest): boolean {
    const others = [...this.members.values()].filter((member) => member.memberId !== memberId);
    return protocols.some(({ name }) => others.every((member) => member.protocols.some((each) => each.name === name)));
  }

  private sharedProtocol(): string | undefined {
    const [first, ...others] = this.members.values();
    return first?.protocols.find(({ name }) =>
      others.every((member) => member.protocols.some((each) => each.name === name)),
    )?.name;
  }

  private memberError(memberId: string, instanceId: string | null): number {
    if (instanceId !== null) {
      const current = this.instances.get(instanceId);
      if (current === undefined) return E.UNKNOWN_MEMBER_ID;
      return current.memberId === memberId ? E.NONE : E.FENCED_INSTANCE_ID;
    }
    return this.members.has(memberId) ? E.NONE : E.UNKNOWN_MEMBER_ID;
  }

  private generationError({ memberId, instanceId, generationId }: MemberIdentity): number {
    const error = this.memberError(memberId, instanceId);
    if (error !== E.NONE) return error;
    return generationId === this.generationId ? E.NONE : E.ILLEGAL_GENERATION;
  }
}
