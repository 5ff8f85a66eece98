import type { LogProducer } from '../../../log/log-producer.js';
import { noMetrics } from '../../../observability/streams-metrics.js';
import type { Clock } from '../../../time/clock.js';
import { Courtesy } from '../../courtesy.js';
import { EngineFailure } from '../../engine-failure.js';
import { Tenure } from '../../group/tenure.js';
import type { OutputTopics } from '../../records/output-topics.js';
import type { Task } from '../../task/task.js';
import type { CommitStrategy } from '../commit-strategy.js';
import { Committer } from '../committer.js';

/** A tenure of its own; `memberId` names the membership. */
export function tenureOf(memberId = 'm', generationId = 1): Tenure {
  return new Tenure({
    identity: { groupId: 'g', memberId, generationId, instanceId: undefined },
    members: 1,
    isWarmingUp: false,
  });
}

/** The one that `changedTask` runs in. */
export const TENURE = tenureOf();

/** Commits by `complete`, once the tasks are prepared. */
export function committerThat(clock: Clock, complete: () => Promise<void>): Committer {
  return new Committer({
    strategy: { producer: {} as LogProducer, complete } as unknown as CommitStrategy,
    outputTopics: { reconsider: () => undefined } as unknown as OutputTopics,
    clock,
    courtesy: new Courtesy(5, clock),
    metrics: noMetrics,
  });
}

/** A task with changes to commit. */
export function changedTask(prepare: () => Promise<[]> = async () => [], flush = async (): Promise<void> => {}): Task {
  return {
    id: '0_0',
    tenure: TENURE,
    engineFailure: new EngineFailure(),
    records: { hasProgress: true, queues: [] },
    stores: { dirtyBytes: 1, prepare },
    flush,
  } as unknown as Task;
}
