import type { KeyPartitioner } from '../log/named-partitioners.js';
import type { Serde } from '../serdes/serde.js';
import type { Processor, ProcessorSupplier } from './processor.js';
import type { StoreDefinition } from './store-definition.js';

/** Reads one topic. Serdes of `key` and `value` decode its records. */
export interface SourceNode {
  readonly kind: 'source';
  readonly name: string;
  readonly topic: string;
  readonly key: Serde<unknown>;
  readonly value: Serde<unknown>;
  /** Where an application that has never committed an offset of a partition begins. Default `earliest`. */
  readonly startAt?: 'earliest' | 'latest';
}

/** Calls user code for each record its parents forward. */
export interface ProcessorNode {
  readonly kind: 'processor';
  readonly name: string;
  readonly parents: readonly string[];
  readonly stores: readonly string[];
  readonly supplier: ProcessorSupplier;
  /**
   * Stores whose entry for the record's key is read before a chunk is handled, with one `getMany` (design 3). The key function gets the
   * record's typed key and, lazily, its value.
   */
  readonly prefetch: readonly Prefetch[];
}

export interface Prefetch {
  readonly store: string;
  /** Absent: the record's key. */
  readonly key?: (record: { readonly key: unknown; readonly value: unknown }) => unknown;
}

/** Writes what its parents forward to one topic; the partition comes from the key by Kafka's murmur2 unless `partitioner` or `keyPartitioner` says otherwise. */
export interface SinkNode {
  readonly kind: 'sink';
  readonly name: string;
  readonly parents: readonly string[];
  readonly topic: string;
  readonly key: Serde<unknown>;
  readonly value: Serde<unknown>;
  readonly partitioner?: (key: Uint8Array | null, partitionCount: number) => number;
  /** In place of murmur2; records without a key are spread over all partitions. Not with `partitioner`. */
  readonly keyPartitioner?: KeyPartitioner;
  /** Each record says in the header `streams-position` up to where its source was read for it. Default false. */
  readonly hasPositionHeader?: boolean;
}

export type TopologyNode = SourceNode | ProcessorNode | SinkNode;

/** A connected component of sources, processors, sinks and the stores they share; its tasks are its partitions. */
export interface SubTopology {
  /** Stable: from the names inside, never from the order of declaration. */
  readonly id: number;
  readonly sources: readonly SourceNode[];
  readonly processors: readonly ProcessorNode[];
  readonly sinks: readonly SinkNode[];
  readonly stores: readonly StoreDefinition[];
}

/** A validated description of the work: immutable, and free of anything that runs. Made by `TopologyBuilder.build`. */
export interface Topology {
  readonly subTopologies: readonly SubTopology[];
  readonly sourceTopics: readonly string[];
  readonly sinkTopics: readonly string[];
  readonly stores: readonly StoreDefinition[];
  /** Nodes that `name` forwards to, in order of declaration. */
  childrenOf(name: string): readonly (ProcessorNode | SinkNode)[];
  /** The text form of Kafka Streams' `Topology#describe`, which public viewers read. */
  describe(): string;
  /** A Mermaid flow chart. */
  describeMermaid(): string;
  /** 32 hexadecimal digits over sub-topologies, source topics, stores and the names of their serdes. */
  fingerprint(): string;
}

export type { Processor };
