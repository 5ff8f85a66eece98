/**
 * The Kafka requests this library speaks, as plain objects. Field names follow the protocol guide; 64-bit integers are safe numbers.
 * Encoders and decoders for real brokers live beside this file; the embedded log answers the objects themselves.
 */

export interface ByTopic<P> {
  readonly topic: string;
  readonly partitions: readonly P[];
}

export interface PartitionError {
  readonly partition: number;
  readonly error: number;
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

export interface TransactionIdentity extends ProducerIdentity {
  readonly transactionalId: string;
}

export interface MemberIdentity {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly instanceId: string | null;
}

/** A partition of a request that only its newest leader may answer. */
export interface PartitionAtLeader {
  readonly partition: number;
  /** Filled in by wires that know it (KIP-320): a broker that still takes itself for the leader then refuses. */
  readonly leaderEpoch?: number;
}

export interface Messages {
  fetch: {
    request: {
      readonly maxWaitMs: number;
      readonly minBytes: number;
      readonly maxBytes: number;
      readonly isolation: 0 | 1;
      readonly topics: readonly ByTopic<
        PartitionAtLeader & {
          readonly offset: number;
          readonly maxBytes: number;
        }
      >[];
    };
    response: {
      readonly throttleMs: number;
      readonly error: number;
      readonly topics: readonly ByTopic<FetchedPartition>[];
    };
  };
  produce: {
    request: {
      readonly transactionalId: string | null;
      readonly acks: -1 | 0 | 1;
      readonly timeoutMs: number;
      readonly topics: readonly ByTopic<{ readonly partition: number; readonly records: Uint8Array }>[];
    };
    response: {
      readonly throttleMs: number;
      readonly topics: readonly ByTopic<
        PartitionError & {
          readonly baseOffset: number;
          readonly message: string | null;
          /** The records of the batch that caused the error, by index (KIP-467). */
          readonly recordErrors?: readonly { readonly index: number; readonly message: string | null }[];
        }
      >[];
    };
  };
  listOffsets: {
    request: {
      readonly isolation: 0 | 1;
      /** -2 the earliest, -1 the end, otherwise the first offset at or after that time. */
      readonly topics: readonly ByTopic<PartitionAtLeader & { readonly timestamp: number }>[];
    };
    response: {
      readonly topics: readonly ByTopic<PartitionError & { readonly timestamp: number; readonly offset: number }>[];
    };
  };
  joinGroup: {
    request: {
      readonly groupId: string;
      readonly sessionTimeoutMs: number;
      readonly rebalanceTimeoutMs: number;
      readonly memberId: string;
      readonly instanceId: string | null;
      readonly protocols: readonly { readonly name: string; readonly metadata: Uint8Array }[];
    };
    response: {
      readonly error: number;
      readonly generationId: number;
      readonly protocol: string | null;
      readonly leaderId: string;
      readonly memberId: string;
      readonly members: readonly {
        readonly memberId: string;
        readonly instanceId: string | null;
        readonly metadata: Uint8Array;
      }[];
    };
  };
  syncGroup: {
    request: MemberIdentity & {
      readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
    };
    response: { readonly error: number; readonly assignment: Uint8Array };
  };
  heartbeat: { request: MemberIdentity; response: { readonly error: number } };
  leaveGroup: {
    request: {
      readonly groupId: string;
      readonly members: readonly { readonly memberId: string; readonly instanceId: string | null }[];
    };
    response: { readonly error: number };
  };
  offsetCommit: {
    request: MemberIdentity & {
      readonly topics: readonly ByTopic<{
        readonly partition: number;
        readonly offset: number;
        readonly metadata: string | null;
      }>[];
    };
    response: { readonly topics: readonly ByTopic<PartitionError>[] };
  };
  offsetFetch: {
    request: { readonly groupId: string; readonly requireStable: boolean; readonly topics: readonly ByTopic<number>[] };
    response: {
      readonly error: number;
      readonly topics: readonly ByTopic<
        PartitionError & { readonly offset: number; readonly metadata: string | null }
      >[];
    };
  };
  initProducerId: {
    request: { readonly transactionalId: string | null; readonly transactionTimeoutMs: number } & ProducerIdentity;
    response: { readonly error: number } & ProducerIdentity;
  };
  addPartitionsToTxn: {
    request: TransactionIdentity & { readonly topics: readonly ByTopic<number>[] };
    response: { readonly topics: readonly ByTopic<PartitionError>[] };
  };
  addOffsetsToTxn: {
    request: TransactionIdentity & { readonly groupId: string };
    response: { readonly error: number };
  };
  txnOffsetCommit: {
    request: TransactionIdentity &
      MemberIdentity & {
        readonly topics: readonly ByTopic<{
          readonly partition: number;
          readonly offset: number;
          readonly metadata: string | null;
        }>[];
      };
    response: { readonly topics: readonly ByTopic<PartitionError>[] };
  };
  endTxn: { request: TransactionIdentity & { readonly commit: boolean }; response: { readonly error: number } };
  createTopics: {
    request: {
      readonly timeoutMs: number;
      readonly topics: readonly {
        readonly name: string;
        readonly partitions: number;
        readonly replicationFactor: number;
        readonly config: readonly { readonly name: string; readonly value: string }[];
      }[];
    };
    response: {
      readonly topics: readonly { readonly name: string; readonly error: number; readonly message: string | null }[];
    };
  };
  /** Ids (KIP-516) as texts; '' where the cluster has none. */
  topicIds: {
    request: { readonly topics: readonly string[] };
    response: {
      readonly topics: readonly { readonly name: string; readonly error: number; readonly id: string }[];
    };
  };
  deleteTopics: {
    request: { readonly timeoutMs: number; readonly names: readonly string[] };
    response: { readonly topics: readonly { readonly name: string; readonly error: number }[] };
  };
  describeConfigs: {
    request: { readonly topics: readonly string[] };
    response: {
      readonly topics: readonly {
        readonly name: string;
        readonly error: number;
        readonly message: string | null;
        readonly entries: readonly { readonly name: string; readonly value: string | null }[];
      }[];
    };
  };
  deleteRecords: {
    request: {
      readonly timeoutMs: number;
      readonly topics: readonly ByTopic<{ readonly partition: number; readonly offset: number }>[];
    };
    response: { readonly topics: readonly ByTopic<PartitionError & { readonly lowWatermark: number }>[] };
  };
}

export interface FetchedPartition extends PartitionError {
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Whole record batches (format v2), perhaps with a cut one at the end; it may begin before the asked offset. */
  readonly records: Buffer;
}

export type ApiName = keyof Messages;
export type RequestOf<A extends ApiName> = Messages[A]['request'];
export type ResponseOf<A extends ApiName> = Messages[A]['response'];
