import type { CommittedView } from '../../stores/state-store.js';
import type { ValueShare } from './value-budget.js';

const FIRST_STEP = 8;
const MAX_STEP = 128;
/** Bytes of one step, by the size of the values before; the first step has nothing to go by. */
const STEP_MAX_BYTES = 256 * 1024;

type Values = (Uint8Array | undefined)[];

/** Reads the values of `keys` in their order, step by step. Values are missing from the end where `share` admits no more bytes. @throws the reason of `signal` */
export async function lookUpValues(
  view: CommittedView,
  keys: readonly Uint8Array[],
  share: ValueShare | undefined,
  signal?: AbortSignal,
): Promise<Values> {
  const values: Values = [];
  for (let size = FIRST_STEP; values.length < keys.length;) {
    signal?.throwIfAborted();
    const asked = keys.slice(values.length, values.length + size);
    // Also by other partitions, since the step before this one.
    if (share?.isSpent === true) return values;
    const found = await Promise.all(asked.map((key) => view.get(key)));
    let bytes = 0;
    for (const value of found) {
      const length = value?.length ?? 0;
      if (value !== undefined && share?.admit(length) === false) return values;
      values.push(value);
      bytes += length;
    }
    const fitting = Math.floor((STEP_MAX_BYTES * asked.length) / Math.max(1, bytes));
    size = Math.max(1, Math.min(MAX_STEP, 2 * size, fitting));
  }
  return values;
}
