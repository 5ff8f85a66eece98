import { BatchBuilder } from '../../../log/records/batch-builder.js';
import { decodeRecords } from '../../../log/records/record-decoder.js';
import type { RecordChunk } from '../../../log/records/record-chunk.js';
import type { LogProducer } from '../../../log/log-producer.js';
import type { Serde } from '../../../serdes/serde.js';
import { json, stringSerde } from '../../../serdes/text-serdes.js';
import { ManualClock } from '../../../testing/manual-clock.js';
import type { ProcessorContext } from '../../../topology/processor.js';
import type { ProcessorNode, SourceNode } from '../../../topology/topology.js';
import { silentLogger } from '../../../observability/streams-logger.js';
import { EngineFailure } from '../../engine-failure.js';
import { ErrorOrigins } from '../../error-origins.js';
import { CurrentRecord } from '../current-record.js';
import { DepthFirstQueue } from '../depth-first-queue.js';
import type { OutputPort } from '../output.js';
import { ProcessorRuntime, type TaskScope } from '../processor-runtime.js';
import { RecordLoop } from '../record-loop.js';
import { SlowRecords, type HandlerLimits } from '../slow-records.js';
import { SourceQueue } from '../source-queue.js';
import { TaskOutput } from '../task-output.js';
import { UnitOfWork } from '../unit-of-work.js';

const key = stringSerde as Serde<unknown>;

export function chunkOf(topic: string, timestamps: readonly number[]): RecordChunk {
  const batch = new BatchBuilder(100_000);
  timestamps.forEach((timestamp, i) =>
    batch.append(Buffer.from(`k${i}`), Buffer.from(JSON.stringify(`${topic}@${timestamp}`)), timestamp),
  );
  const end = timestamps.length;
  const where = { topic, partition: 0, position: 0, isolation: 'read_uncommitted' as const, aborted: [] };
  const bounds = { highWatermark: end, lastStableOffset: end, logStartOffset: 0 };
  return decodeRecords({ ...where, ...bounds, records: batch.finish({}) });
}

export function portOf(producer: object): OutputPort {
  const limits = { bytes: 0, maxBytes: Infinity, maxDirtyBytes: Infinity };
  return { producer: producer as LogProducer, isFull: false, ...limits };
}

export const LIMITS: HandlerLimits = {
  handlerTimeoutMs: undefined,
  transactionTimeoutMs: 10_000,
  sessionTimeoutMs: 10_000,
};

export type Handler = (context: ProcessorContext) => unknown;

/** A loop over some topics whose processors are all called for each record; the second one only for what the first forwards. */
export function world(
  topics: Readonly<Record<string, readonly number[]>>,
  handle: Handler,
  child?: Handler,
  producer = {},
  port: OutputPort = portOf(producer),
  limits: HandlerLimits = LIMITS,
  /** Another task of the same instance. */
  neighbour?: { readonly clock: ManualClock; readonly slowRecords: SlowRecords; readonly warnings: string[] },
) {
  const clock = neighbour?.clock ?? new ManualClock();
  const scope: TaskScope = {
    taskId: '0_0',
    record: new CurrentRecord(),
    unit: new UnitOfWork('0_0'),
    forwarded: new DepthFirstQueue(),
    streamTime: -1,
    isCommitRequested: false,
  };
  const output = new TaskOutput(port);
  const origins = new ErrorOrigins();
  const engineFailure = new EngineFailure();
  const failures: unknown[] = [];
  const warnings = neighbour?.warnings ?? [];
  const slowRecords =
    neighbour?.slowRecords ?? new SlowRecords(limits, { ...silentLogger, warn: (text) => void warnings.push(text) });
  const loop = new RecordLoop({
    scope,
    output,
    origins,
    engineFailure,
    clock,
    slowRecords,
    releaseIterators: () => 0,
    changes: () => 0,
    dirtyBytes: () => 0,
    badRecords: {
      judge: async ({ error }) => {
        failures.push(error);
        return 'continue';
      },
      pass: () => undefined,
    },
  });
  const runtime = (name: string): ProcessorRuntime => new ProcessorRuntime({ name } as ProcessorNode, scope);
  const [parent, next] = [runtime('parent'), runtime('next')];
  parent.connect({ process: handle }, [], child === undefined ? [] : [next]);
  next.connect({ process: child ?? (() => undefined) }, [], []);
  const queues = Object.entries(topics).map(([topic, timestamps]) => {
    const source: SourceNode = { kind: 'source', name: topic, topic, key, value: json() };
    const queue = new SourceQueue(source, 0, [parent], [], undefined);
    queue.reset(0);
    queue.push(chunkOf(topic, timestamps));
    return queue;
  });
  loop.wire(queues, [parent, next], () => undefined);
  return { loop, queues, clock, failures, scope, output, origins, engineFailure, slowRecords, warnings };
}
