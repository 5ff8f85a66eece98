import type { ApiCodec } from './api-codec.js';

export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface TopicMetadata {
  readonly error: number;
  readonly name: string;
  readonly partitions: readonly PartitionMetadata[];
}

export interface PartitionMetadata {
  readonly error: number;
  readonly partition: number;
  readonly leader: number;
  /** Grows with every new leader (KIP-320). */
  readonly leaderEpoch: number;
}

export interface ClusterMetadata {
  readonly brokers: readonly BrokerAddress[];
  readonly controller: number;
  readonly topics: readonly TopicMetadata[];
}

/** Topics are never created by asking for them. */
export const metadataCodec: ApiCodec<{ readonly topics: readonly string[] }, ClusterMetadata> = {
  name: 'Metadata',
  key: 3,
  version: 8,
  isFlexible: false,
  encode(writer, request) {
    writer.array(request.topics, (w, topic) => {
      w.string(topic);
    });
    writer.boolean(false).boolean(false).boolean(false);
  },
  decode(reader) {
    reader.int32();
    const brokers = reader.array((r) => {
      const address = { nodeId: r.int32(), host: r.string(), port: r.int32() };
      r.nullableString();
      return address;
    });
    reader.nullableString();
    const controller = reader.int32();
    const topics = reader.array((r) => {
      const error = r.int16();
      const name = r.string();
      r.boolean();
      const partitions = r.array((p) => {
        const head = { error: p.int16(), partition: p.int32(), leader: p.int32(), leaderEpoch: p.int32() };
        for (let list = 0; list < 3; list++) p.array((replica) => replica.int32());
        return head;
      });
      r.int32();
      return { error, name, partitions };
    });
    return { brokers, controller, topics };
  },
};

export const findCoordinatorCodec: ApiCodec<
  { readonly key: string; readonly type: 0 | 1 },
  { readonly error: number; readonly message: string | null } & BrokerAddress
> = {
  name: 'FindCoordinator',
  key: 10,
  version: 2,
  isFlexible: false,
  encode(writer, request) {
    writer.string(request.key).int8(request.type);
  },
  decode(reader) {
    reader.int32();
    return {
      error: reader.int16(),
      message: reader.nullableString(),
      nodeId: reader.int32(),
      host: reader.string(),
      port: reader.int32(),
    };
  },
};
