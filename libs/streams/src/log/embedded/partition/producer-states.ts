import { KafkaErrorCode as E } from '../../protocol/error-codes.js';
import type { BatchHeader } from '../../records/batch-header.js';

/** A repeat of one of the last five batches is recognised, as many as a producer may have in flight. */
const REMEMBERED_BATCHES = 5;
const NO_SEQUENCE = -1;
const SEQUENCE_MASK = 0x7fff_ffff;

interface AppendedBatch {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: number;
}

interface ProducerState {
  epoch: number;
  last: AppendedBatch[];
}

export type SequenceCheck =
  | { readonly outcome: 'new' }
  | { readonly outcome: 'duplicate'; readonly baseOffset: number }
  | { readonly outcome: 'refused'; readonly error: number };

/** What one partition knows of the producers that write to it (KIP-98): their epoch and their last sequence numbers. */
export class ProducerStates {
  private readonly states = new Map<number, ProducerState>();

  check({ producerId, producerEpoch, baseSequence, count }: BatchHeader): SequenceCheck {
    const state = this.states.get(producerId);
    // A producer that is not known, any more or yet, may begin with any number: its earlier batches may have been cleaned away.
    if (state === undefined) return { outcome: 'new' };
    if (producerEpoch < state.epoch) return { outcome: 'refused', error: E.INVALID_PRODUCER_EPOCH };
    let lastSequence = NO_SEQUENCE;
    if (producerEpoch === state.epoch) {
      const end = (baseSequence + count - 1) & SEQUENCE_MASK;
      const same = state.last.find((b) => b.firstSequence === baseSequence && b.lastSequence === end);
      if (same) return { outcome: 'duplicate', baseOffset: same.baseOffset };
      lastSequence = state.last.at(-1)?.lastSequence ?? NO_SEQUENCE;
    }
    const expected = (lastSequence + 1) & SEQUENCE_MASK;
    return baseSequence === expected
      ? { outcome: 'new' }
      : { outcome: 'refused', error: E.OUT_OF_ORDER_SEQUENCE_NUMBER };
  }

  appended({ producerId, producerEpoch, baseSequence, count }: BatchHeader, baseOffset: number): void {
    const state = this.at(producerId, producerEpoch);
    const lastSequence = (baseSequence + count - 1) & SEQUENCE_MASK;
    state.last.push({ firstSequence: baseSequence, lastSequence, baseOffset });
    if (state.last.length > REMEMBERED_BATCHES) state.last.shift();
  }

  /** A marker carries the epoch of whoever ended the transaction; it fences the older ones here too. */
  markerWritten(producerId: number, producerEpoch: number): void {
    this.at(producerId, producerEpoch);
  }

  private at(producerId: number, epoch: number): ProducerState {
    let state = this.states.get(producerId);
    if (state === undefined) this.states.set(producerId, (state = { epoch, last: [] }));
    if (epoch > state.epoch) {
      state.epoch = epoch;
      state.last = [];
    }
    return state;
  }
}
