import { BaseRpcContext } from '@nestjs/microservices';
import type { RecordHeader } from '../log/records/record-header.js';
import type { ForwardOptions, ProcessorContext, TaskId } from '../topology/processor.js';

/**
 * The record being handled and what may be done with it; `@Ctx()` injects it. One object serves a handler and task for its whole life: read
 * it inside the handler, and copy what is kept. RPC guards and interceptors get it from `switchToRpc().getContext()`.
 */
export class StreamContext extends BaseRpcContext<[ProcessorContext]> implements ProcessorContext {
  constructor(private readonly context: ProcessorContext) {
    super([context]);
  }

  get taskId(): TaskId {
    return this.context.taskId;
  }

  get topic(): string {
    return this.context.topic;
  }

  get partition(): number {
    return this.context.partition;
  }

  get offset(): number {
    return this.context.offset;
  }

  get timestamp(): number {
    return this.context.timestamp;
  }

  get key(): unknown {
    return this.context.key;
  }

  get value(): unknown {
    return this.context.value;
  }

  get headers(): readonly RecordHeader[] {
    return this.context.headers;
  }

  get streamTime(): number {
    return this.context.streamTime;
  }

  forward(value: unknown, options?: ForwardOptions): void {
    this.context.forward(value, options);
  }

  requestCommit(): void {
    this.context.requestCommit();
  }
}
