import { LogError } from '../../../errors/log-error.js';
import { silentLogger, type StreamsLogger } from '../../../observability/streams-logger.js';
import { delay, type CancelTimer, type Clock } from '../../../time/clock.js';
import type {
  GroupIdentity,
  GroupListener,
  GroupMember,
  GroupMemberOptions,
  OffsetCommitOptions,
} from '../../group-member.js';
import type { PartitionOffset, TopicPartition } from '../../log.js';
import { KafkaErrorCode } from '../../protocol/error-codes.js';
import type { Wire } from '../../wire.js';
import { closedError, kafkaError } from '../kafka-error.js';
import { GroupOffsets } from './group-offsets.js';
import { GroupSession, type JoinedGeneration } from './group-session.js';
import { Heartbeat } from './heartbeat.js';
import { RenewableWire } from './renewable-wire.js';
import { within } from './within.js';
import { lastingAbort } from '../../../time/lasting-abort.js';

const REFUSALS: ReadonlySet<string> = new Set(['LOG_FENCED_INSTANCE_ID', 'LOG_UNKNOWN_SERVER_ERROR']);
const REJOIN_BACK_OFF_MS = 100;
/** Of the rebalance time-out: so long the others wait for a listener, which has partitions to give up, before this member joins without it. */
const LISTENER_SHARE = 3;

/**
 *   idle -> joining <-> assigning -> stable -> joining ...
 *              |  ^                     |
 *              |  +---- revoking <------+      membership lost, or leaving
 *              +--------------------------> closed
 *
 * One loop walks it; the heartbeat beside it never waits for the listener, and goes on until the last `onRevoked` has returned. A listener that
 * takes long over an assignment keeps the member from no later generation: it finds out how much it owns by `subscription()`. A join takes
 * nothing away: what was assigned is kept, and may be committed, until the next assignment says otherwise (KIP-429).
 */
type MemberState = 'idle' | 'joining' | 'assigning' | 'stable' | 'revoking' | 'closed';

/** A member of a consumer group by the classic protocol (JoinGroup, SyncGroup, Heartbeat, LeaveGroup), static if it has an instance id (KIP-345). */
export class GroupMemberClient implements GroupMember {
  private readonly connection: RenewableWire;
  private readonly heartbeat: Heartbeat;
  private readonly session: GroupSession;
  private readonly offsets: GroupOffsets;
  private readonly closing = lastingAbort();
  private state: MemberState = 'idle';
  private current: readonly TopicPartition[] | undefined;
  private joins = 0;
  private isLost = false;
  private isJoining = false;
  private isRejoinWanted = false;
  private wake: (() => void) | undefined;
  /** Ends the wait for the listener; undefined while nobody waits. */
  private overtake: (() => void) | undefined;
  private cancelOvertaking: CancelTimer | undefined;
  private readonly generations = new Set<() => void>();
  private fatal: Error | undefined;
  private loop: Promise<void> | undefined;
  private closed: Promise<void> | undefined;

  constructor(
    openWire: () => Wire,
    private readonly options: GroupMemberOptions,
    private readonly listener: GroupListener,
    private readonly clock: Clock,
    private readonly logger: StreamsLogger = silentLogger,
  ) {
    this.connection = new RenewableWire(openWire);
    this.session = new GroupSession(this.connection, options, listener, clock, () => this.onGeneration());
    this.offsets = new GroupOffsets(this.connection, options.groupId, clock);
    this.heartbeat = new Heartbeat(options, clock, this.connection, () =>
      this.state === 'joining' || this.identity() === undefined ? undefined : this.beat(),
    );
  }

  join(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.loop !== undefined || this.closing.signal.aborted)
        return reject(new LogError('fatal', 'LOG_NOT_A_MEMBER', 'This member has joined already, or was closed.'));
      this.heartbeat.start();
      this.loop = this.run(resolve);
      // Rejects a join that ended before its first assignment; afterwards it changes nothing.
      void this.loop.then(() => reject(this.fatal ?? closedError('group member')));
    });
  }

  identity(): GroupIdentity | undefined {
    const isOver = this.state === 'idle' || this.state === 'closed' || this.isLost || this.fatal !== undefined;
    return isOver ? undefined : this.session.identity();
  }

  lastContact(): number | undefined {
    return this.identity() === undefined ? undefined : this.session.lastContact;
  }

  async renewed(refused: GroupIdentity): Promise<GroupIdentity> {
    for (;;) {
      const current = this.identity();
      if (current === undefined || this.session.isOver(refused)) throw this.notAMember();
      if (current.generationId > refused.generationId) return current;
      // The broker is ahead: either a join is under way, or this member has to learn that it is none any more.
      if (!this.isJoining && this.closing.signal.aborted) throw this.notAMember();
      if (!this.isJoining) this.requestRejoin();
      await new Promise<void>((resolve) => void this.generations.add(resolve));
    }
  }

  requestRejoin(): void {
    this.isRejoinWanted = true;
    this.wake?.();
  }

  committed(partitions: readonly TopicPartition[]): Promise<PartitionOffset[]> {
    return this.offsets.committed(partitions);
  }

  commit(
    offsets: readonly PartitionOffset[],
    as: GroupIdentity,
    { onlyThisGeneration = false }: OffsetCommitOptions = {},
  ): Promise<void> {
    if (this.identity() === undefined || this.session.isOver(as)) return Promise.reject(this.notAMember());
    return this.offsets.commit(offsets, as, onlyThisGeneration ? undefined : (refused) => this.renewed(refused));
  }

  close(options: { readonly leave?: boolean } = {}): Promise<void> {
    this.closed ??= this.shutDown(options.leave ?? true);
    return this.closed;
  }

  private async shutDown(leave: boolean): Promise<void> {
    this.closing.abort();
    this.wake?.();
    this.offsets.endReads();
    if (this.isJoining) {
      // As in the loop: a listener that fails keeps the member from nothing else.
      await this.revoke().catch((error: unknown) => this.listener.onFatal(error as Error));
      // A JoinGroup may be parked at the broker until the others have joined; it is not waited for.
      await this.connection.renew(this.connection.wire);
    }
    await this.loop;
    this.heartbeat.stop();
    if (leave && !this.isFenced()) await this.leave();
    this.state = 'closed';
    this.offsets.close();
    await this.connection.close();
  }

  private async leave(): Promise<void> {
    const { sessionTimeoutMs, heartbeatIntervalMs } = this.options;
    const now = this.clock.monotonic();
    // Later than that the broker has given the member up by itself.
    const limitMs = Math.max(heartbeatIntervalMs, sessionTimeoutMs - (now - (this.session.lastContact ?? now)));
    await within(this.clock, limitMs, 'LeaveGroup', this.session.leave()).catch(() => {});
  }

  /** Another process holds the membership then, and leaving would end it. */
  private isFenced(): boolean {
    return this.fatal instanceof LogError && this.fatal.code === 'LOG_FENCED_INSTANCE_ID';
  }

  private async run(onFirstAssignment: () => void): Promise<void> {
    try {
      for (;;) {
        if (this.isLost || this.closing.signal.aborted || this.fatal !== undefined) await this.revoke();
        if (this.closing.signal.aborted) return;
        if (this.fatal !== undefined) throw this.fatal;
        const joined = await this.tryJoin();
        if (joined === undefined) continue;
        if (!(await this.assign(joined))) continue;
        onFirstAssignment();
        await this.rejoinWanted();
      }
    } catch (error) {
      this.fatal = error instanceof Error ? error : new Error(String(error));
      this.heartbeat.stop();
      this.state = 'closed';
      this.listener.onFatal(this.fatal);
    }
  }

  /** @returns false if a close cut the listener short, which waited for committed offsets. */
  private async assign({ assignment, identity }: JoinedGeneration): Promise<boolean> {
    this.current = assignment.partitions;
    this.state = 'assigning';
    try {
      await this.handled(this.listener.onAssigned(assignment, identity));
    } catch (error) {
      const isCutShort = this.closing.signal.aborted && error instanceof LogError && error.code === 'LOG_CLOSED';
      if (!isCutShort) throw error;
      return false;
    }
    this.state = 'stable';
    return true;
  }

  /** Waits for the listener, but not beyond the moment at which the group would give this member up for it. */
  private async handled(handling: Promise<void>): Promise<void> {
    let isOvertaken = false;
    const overtaken = new Promise<void>((resolve) => {
      this.overtake = () => {
        isOvertaken = true;
        resolve();
      };
    });
    try {
      await Promise.race([handling, overtaken]);
    } finally {
      this.overtake = undefined;
      this.cancelOvertaking?.();
      this.cancelOvertaking = undefined;
    }
    if (isOvertaken) handling.catch((error: unknown) => this.failLate(error));
  }

  /** A listener has failed over an assignment that this member has gone beyond. */
  private failLate(error: unknown): void {
    if (this.closing.signal.aborted) return;
    this.fatal ??= error instanceof Error ? error : new Error(String(error));
    this.requestRejoin();
  }

  private async revoke(): Promise<void> {
    const { current, isLost } = this;
    this.current = undefined;
    if (current === undefined) return;
    this.state = 'revoking';
    await this.listener.onRevoked(current, { lost: isLost });
  }

  private onGeneration(): void {
    const waiting = [...this.generations];
    this.generations.clear();
    for (const wake of waiting) wake();
  }

  private notAMember(): LogError {
    return new LogError(
      'migrated',
      'LOG_NOT_A_MEMBER',
      `This instance is in no generation of the group "${this.options.groupId}"; it commits after it has joined again.`,
    );
  }

  /** @returns undefined when it has to be tried again. @throws LogError if the group refuses this member for good. */
  private async tryJoin(): Promise<JoinedGeneration | undefined> {
    this.state = 'joining';
    // Whatever asked for a rejoin until now is answered by this join.
    this.isRejoinWanted = false;
    this.isLost = false;
    this.joins++;
    this.isJoining = true;
    try {
      return await this.session.join(this.closing.signal);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      if (this.closing.signal.aborted) return undefined;
      this.isLost = this.session.identity() === undefined;
      if (error.code === 'LOG_FENCED_INSTANCE_ID') this.isLost = true;
      // A broker answers UNKNOWN_SERVER_ERROR for a group that has outgrown what it stores: that does not pass.
      if (REFUSALS.has(error.code) || error.kind === 'fatal') throw error;
      if (error.code !== 'LOG_MEMBER_ID_REQUIRED' && error.code !== 'LOG_REBALANCE_IN_PROGRESS') {
        this.logger.debug(`Joining the group "${this.options.groupId}" is tried again: ${error.message}`);
        await delay(this.clock, REJOIN_BACK_OFF_MS, this.closing.signal);
        await this.connection.wire.refresh().catch(() => {});
      }
      return undefined;
    } finally {
      this.isJoining = false;
      this.onGeneration();
    }
  }

  private async rejoinWanted(): Promise<void> {
    while (!this.isRejoinWanted && !this.closing.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private async beat(): Promise<void> {
    const { joins } = this;
    const code = await this.session.heartbeat();
    // A late answer tells nothing of the generation that is being joined meanwhile.
    if (joins === this.joins) this.onBeat(code);
  }

  private onBeat(code: number): void {
    switch (code) {
      case KafkaErrorCode.NONE:
        return;
      case KafkaErrorCode.REBALANCE_IN_PROGRESS:
        // While revoking, this member is on its way to join already.
        if (this.state === 'stable' || this.state === 'assigning') this.requestRejoin();
        if (this.overtake !== undefined)
          this.cancelOvertaking ??= this.clock.schedule(this.options.rebalanceTimeoutMs / LISTENER_SHARE, () =>
            this.overtake?.(),
          );
        return;
      case KafkaErrorCode.UNKNOWN_MEMBER_ID:
      case KafkaErrorCode.ILLEGAL_GENERATION:
        this.isLost = true;
        this.session.forget(code);
        this.overtake?.();
        return this.requestRejoin();
      case KafkaErrorCode.FENCED_INSTANCE_ID:
        this.isLost = true;
        this.onGeneration();
        this.fatal = kafkaError(code, `the heartbeat of instance "${this.options.instanceId ?? ''}"`);
        this.overtake?.();
        return this.requestRejoin();
      default:
        return;
    }
  }
}
