import type { LogProducer } from '../../log/log-producer.js';
import type { CommitStrategy } from '../commit/commit-strategy.js';
import { ended, type Tenure } from '../group/tenure.js';
import type { OutputPort } from './output.js';

/** Where tasks append: the strategy's producer of the moment, as long as the tasks have a tenure. */
export class StrategyOutput implements OutputPort {
  isFull = false;
  bytes = 0;
  maxBytes = Infinity;
  maxDirtyBytes = Infinity;

  constructor(
    private readonly strategy: CommitStrategy,
    private readonly tenure: () => Tenure | undefined,
  ) {}

  /** @throws LogError `migrated` without a tenure: with at-least-once nothing else keeps a former owner from appending. */
  get producer(): LogProducer {
    if (this.tenure() === undefined) throw ended();
    return this.strategy.producer;
  }
}
