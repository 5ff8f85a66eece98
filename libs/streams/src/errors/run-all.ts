/**
 * Runs the steps one after another, each also after others have failed: for closes, where what is left open is held for ever.
 * @throws what failed, several as an `AggregateError`, once all have run.
 */
export async function runAll(steps: Iterable<() => Promise<unknown> | undefined>): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('; '));
}
