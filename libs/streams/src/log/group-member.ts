import type { PartitionOffset, TopicPartition } from './log.js';

/** Proves membership to the broker; an older generation is refused (KIP-447). */
export interface GroupIdentity {
  readonly groupId: string;
  readonly memberId: string;
  readonly generationId: number;
  /** Set for static members (KIP-345). */
  readonly instanceId: string | undefined;
}

export interface GroupMemberOptions {
  readonly groupId: string;
  /** All members of a group must name the same one. */
  readonly protocolName: string;
  readonly topics: readonly string[];
  /** Makes the member static (KIP-345). */
  readonly instanceId?: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
}

/** A member as the group's leader sees it. */
export interface JoinedMember {
  readonly memberId: string;
  readonly instanceId: string | undefined;
  readonly topics: readonly string[];
  readonly userData: Uint8Array;
}

export interface MemberAssignment {
  readonly partitions: readonly TopicPartition[];
  readonly userData: Uint8Array;
}

export interface OffsetCommitOptions {
  /** Refuses the commit in later generations, where the offsets may have been replaced by another member. Default false. */
  readonly onlyThisGeneration?: boolean;
}

/** What the member tells its owner. Heartbeats go on by a timer while the returned promises are pending. */
export interface GroupListener {
  /** Called before each join; travels to the leader. */
  subscription(): Uint8Array;

  /** Called on the leader only. @returns one assignment per member id. */
  assign(members: readonly JoinedMember[]): Promise<Map<string, MemberAssignment>>;

  /**
   * All partitions go: with `lost` the membership has ended already, and nothing may be committed; without, the member is about to leave and its
   * generation is still valid: commit here. A rebalance revokes nothing by itself, see `onAssigned`.
   */
  onRevoked(partitions: readonly TopicPartition[], reason: { readonly lost: boolean }): Promise<void>;

  /**
   * A generation begins. Partitions that were assigned before and are not now have to be given up before this settles, and then asked for by
   * `requestRejoin`, so that their next owner gets them (KIP-429). The member waits for this before it joins the next generation, as long as the
   * group waits for the member. Beyond a third of the rebalance time-out it joins all the same, and once its membership is lost: calls then overlap,
   * and "subscription" names what is still owned. A late rejection ends the member.
   */
  onAssigned(assignment: MemberAssignment, identity: GroupIdentity): Promise<void>;

  /** The member is gone for good: its instance id was taken over, or the group refuses it. */
  onFatal(error: Error): void;
}

/** Membership in a consumer group by the classic protocol: join, sync, heartbeat, leave. What is assigned stays so while a rebalance is under way. */
export interface GroupMember {
  /** Joins; settles after the first assignment was handed to the listener. */
  join(): Promise<void>;

  /** The current identity, or undefined without a membership. While a rebalance is under way it is that of the last generation known. */
  identity(): GroupIdentity | undefined;

  /**
   * When the last request was sent, on the monotonic clock, by whose answer the group still counted this member in; undefined without one. Nobody else
   * is given its partitions before the session time-out has passed since.
   */
  lastContact(): number | undefined;

  /**
   * The identity to go on with after the broker refused `refused`, because the group has moved on to a generation whose beginning this member did
   * not know of yet. Waits until it does. @throws LogError `migrated` if the membership has ended since.
   */
  renewed(refused: GroupIdentity): Promise<GroupIdentity>;

  /** Makes the group rebalance, with a fresh `subscription()`. */
  requestRejoin(): void;

  /**
   * The group's committed offsets, waiting for pending transactions to be decided (OffsetFetch with `require_stable`, KIP-447); -1
   * where nothing was committed.
   */
  committed(partitions: readonly TopicPartition[]): Promise<PartitionOffset[]>;

  /**
   * Commits with the membership that `as` proves, also while a rebalance is under way and in the generations after it.
   * @throws LogError `migrated` if that membership has ended, whichever this member has now; with `LOG_ILLEGAL_GENERATION` if `options` limit the
   * commit to the generation of `as` and that is over.
   */
  commit(offsets: readonly PartitionOffset[], as: GroupIdentity, options?: OffsetCommitOptions): Promise<void>;

  /**
   * Revokes, leaves the group and closes. `committed` rejects from the start of it, `commit` works until `onRevoked` has returned. A static
   * member leaves too: whoever plans to come back closes with `leave: false`. Idempotent.
   */
  close(options?: { readonly leave?: boolean }): Promise<void>;
}
