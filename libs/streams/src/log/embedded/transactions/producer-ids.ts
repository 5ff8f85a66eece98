import type { Journal } from '../storage/journal.js';

/** Gives out producer ids, each once. */
export class ProducerIds {
  private next = 1;

  constructor(private readonly journal: Journal) {}

  take(): number {
    const id = this.next++;
    this.journal.put('broker', 'nextProducerId', this.next);
    return id;
  }

  skipBelow(id: number): void {
    this.next = Math.max(this.next, id);
  }
}
