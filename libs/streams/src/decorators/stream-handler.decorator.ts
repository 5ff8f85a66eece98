import { ConfigurationError } from '../errors/configuration-error.js';
import type { PartitionerName } from '../log/named-partitioners.js';
import type { SerdeName } from '../serdes/resolve-serde.js';
import type { Serde } from '../serdes/serde.js';
import type { StateStoreClass } from './state-store.decorator.js';
import type { TopicName, TopicNames } from './topic-name.js';

export const STREAM_HANDLER_METADATA = 'nestjs-streams:stream-handler';
export const SEND_TO_METADATA = 'nestjs-streams:send-to';

export type StartAt = 'earliest' | 'latest';

export interface StreamHandlerOptions<K = unknown, V = unknown> {
  /** Default `string`. */
  readonly key?: Serde<K> | SerdeName;
  /** Default `json`. */
  readonly value?: Serde<V> | SerdeName;
  /**
   * Which entries the handler will read, so that a whole chunk of records costs one engine read. Default: the record's key, in every store
   * of the processor whose key serde has the name of this handler's. `false`: none. A function: the key in each of `prefetchFrom`.
   */
  readonly prefetch?: false | ((record: { readonly key: K; readonly value: V }) => unknown);
  /**
   * Where a new application begins to read a partition of these topics: its first record, or what arrives after the start. Once an offset is
   * committed, this has no effect; `onOffsetsLost` decides about offsets that were lost. Default `earliest`.
   */
  readonly startAt?: StartAt;
  /** Stores that `prefetch` reads from. Default: every store of the processor. */
  readonly prefetchFrom?: readonly StateStoreClass[];
}

export interface StreamHandlerMetadata {
  readonly topics: TopicNames;
  readonly options: StreamHandlerOptions;
}

/**
 * Handles the records of a topic, or of several with the same number of partitions. Its result is forwarded with the record's key: `undefined` forwards nothing, `null` a tombstone. A
 * synchronous handler costs no promise.
 *
 * Guards, pipes, interceptors and filters of the method and its class apply, with the context type `streams` and `switchToRpc()`; global ones do
 * not, as they are written for requests. What a guard refuses, and what no filter handles, goes the way of `errors.processing`.
 *
 * @throws ConfigurationError at the second one of a method.
 */
export function StreamHandler<K = string, V = unknown>(
  topics: TopicNames,
  options: StreamHandlerOptions<K, V> = {},
): MethodDecorator {
  return (target, name, descriptor: PropertyDescriptor) => {
    const handler = descriptor.value as object;
    const other = streamHandlerOf(handler);
    if (other !== undefined)
      throw new ConfigurationError([
        `${target.constructor.name}.${String(name)} has two @StreamHandler, of ${shown(other.topics)} and ${shown(topics)}: name several topics in a list, @StreamHandler(['a', 'b']).`,
      ]);
    Reflect.defineMetadata(STREAM_HANDLER_METADATA, { topics, options }, handler);
  };
}

function shown(topics: TopicNames): string {
  return typeof topics === 'function'
    ? 'a function'
    : [topics]
        .flat()
        .map((topic) => `"${String(topic)}"`)
        .join(', ');
}

export interface SendToOptions<K = unknown, V = unknown> {
  /** Default: that of the handler. */
  readonly key?: Serde<K> | SerdeName;
  /** Default `json`. */
  readonly value?: Serde<V> | SerdeName;
  /**
   * The partition of a record: a name as librdkafka has it, or a function of the serialised key, which is null for records without one. Names spread
   * records without a key over all partitions. Default `murmur2`, as Java clients write.
   */
  readonly partitioner?: PartitionerName | ((key: Uint8Array | null, partitionCount: number) => number);
  /** Each record carries the header `streams-position`: whoever reads it can ask the stores of the processor for at least its effects. Default false. */
  readonly positionHeader?: boolean;
}

export interface SendToMetadata {
  readonly topic: TopicName;
  readonly options: SendToOptions;
}

/** Where the handler's result goes; may be repeated for several topics. Without it, a result goes nowhere. */
export function SendTo<K = unknown, V = unknown>(topic: TopicName, options: SendToOptions<K, V> = {}): MethodDecorator {
  return (_target, _name, descriptor: PropertyDescriptor) => {
    const handler = descriptor.value as object;
    const others = sendToOf(handler);
    Reflect.defineMetadata(SEND_TO_METADATA, [...others, { topic, options }], handler);
  };
}

export function streamHandlerOf(handler: object): StreamHandlerMetadata | undefined {
  return Reflect.getOwnMetadata(STREAM_HANDLER_METADATA, handler) as StreamHandlerMetadata | undefined;
}

export function sendToOf(handler: object): readonly SendToMetadata[] {
  return (Reflect.getOwnMetadata(SEND_TO_METADATA, handler) as readonly SendToMetadata[] | undefined) ?? [];
}
