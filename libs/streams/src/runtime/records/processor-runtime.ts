import { TopologyError } from '../../errors/topology-error.js';
import type { RecordHeader } from '../../log/records/record-header.js';
import type { ForwardOptions, Processor, ProcessorContext, TaskId } from '../../topology/processor.js';
import type { ProcessorNode } from '../../topology/topology.js';
import type { CurrentRecord } from './current-record.js';
import type { DepthFirstQueue } from './depth-first-queue.js';
import { withPosition } from './position-header.js';
import type { SinkWriter } from './output.js';
import type { UnitOfWork } from './unit-of-work.js';

/** A record on its way from one processor to the next. */
export interface Forwarded {
  readonly to: ProcessorRuntime;
  readonly key: unknown;
  readonly value: unknown;
  readonly timestamp: number;
  readonly headers: readonly RecordHeader[];
}

/** What the processors of one task share. */
export interface TaskScope {
  readonly taskId: TaskId;
  readonly record: CurrentRecord;
  readonly unit: UnitOfWork;
  /** Forwarded to processors, not yet handled; depth first, as in Kafka Streams. */
  readonly forwarded: DepthFirstQueue<Forwarded>;
  streamTime: number;
  isCommitRequested: boolean;
}

/** One processor of the topology in one task; the context that its user code sees. */
export class ProcessorRuntime implements ProcessorContext {
  private processor: Processor | undefined;
  private sinks: readonly SinkWriter[] = [];
  private processors: readonly ProcessorRuntime[] = [];

  constructor(
    readonly node: ProcessorNode,
    private readonly scope: TaskScope,
  ) {}

  connect(processor: Processor, sinks: readonly SinkWriter[], processors: readonly ProcessorRuntime[]): void {
    this.processor = processor;
    this.sinks = sinks;
    this.processors = processors;
  }

  /** @returns the user code's answer, perhaps a thenable. */
  process(): unknown {
    return this.processor!.process(this);
  }

  get taskId(): TaskId {
    return this.scope.taskId;
  }

  get topic(): string {
    return this.scope.record.topic;
  }

  get partition(): number {
    return this.scope.record.partition;
  }

  get offset(): number {
    return this.scope.record.offset;
  }

  get timestamp(): number {
    return this.scope.record.timestamp;
  }

  get key(): unknown {
    return this.scope.record.key;
  }

  get value(): unknown {
    return this.scope.record.value;
  }

  get headers(): readonly RecordHeader[] {
    return this.scope.record.headers;
  }

  get streamTime(): number {
    return this.scope.streamTime;
  }

  requestCommit(): void {
    this.requireTurn('requestCommit');
    this.scope.isCommitRequested = true;
  }

  forward(value: unknown, options?: ForwardOptions): void {
    this.requireTurn('forward');
    const { record, forwarded } = this.scope;
    const key = options === undefined || options.key === undefined ? record.key : options.key;
    const timestamp = options?.timestamp ?? record.timestamp;
    const headers = options?.headers ?? (record.hasHeaders ? record.headers : undefined);
    const to = options?.to;
    if (to !== undefined) this.requireChild(to);
    for (const sink of this.sinks)
      if (to === undefined || sink.node.name === to)
        sink.write(key, value, timestamp, sink.node.hasPositionHeader ? withPosition(headers, record) : headers);
    for (const processor of this.processors)
      if (to === undefined || processor.node.name === to)
        forwarded.push({ to: processor, key, value, timestamp, headers: headers ?? [] });
  }

  /** Hot path. @throws LateWorkError */
  private requireTurn(operation: string): void {
    const { unit } = this.scope;
    if (!unit.isOpen || (unit.node !== undefined && unit.node !== this))
      throw unit.refusal(`${operation} by ${this.node.name}`);
  }

  private requireChild(name: string): void {
    const children = [...this.sinks, ...this.processors].map(({ node }) => node.name);
    if (children.includes(name)) return;
    throw new TopologyError([
      `Processor "${this.node.name}" forwards to "${name}", which is not a child of it: it has ${children.map((child) => `"${child}"`).join(', ') || 'none'}.`,
    ]);
  }
}
