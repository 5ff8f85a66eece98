import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DepthFirstQueue } from './depth-first-queue.js';

interface Tree {
  readonly children: readonly Tree[];
}

const { tree: trees } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null).map(() => ({ children: [] })),
    fc.record({ children: fc.array(tie('tree'), { maxLength: 4 }) }),
  ),
}));

/** Handles a node as Kafka Streams does: each forward has returned before the next one. */
function recursive(tree: Tree, handled: Tree[]): void {
  handled.push(tree);
  for (const child of tree.children) recursive(child, handled);
}

it('has the order of calls that forward by recursion', () => {
  const queue = new DepthFirstQueue<Tree>();
  fc.assert(
    fc.property(fc.array(trees, { maxLength: 4 }), fc.nat(3), (roots, abandonedAfter) => {
      const handled: Tree[] = [];
      for (const root of roots) queue.push(root);
      for (let next = queue.take(); next !== undefined; next = queue.take()) {
        handled.push(next);
        for (const child of next.children) queue.push(child);
      }
      const expected: Tree[] = [];
      for (const root of roots) recursive(root, expected);
      expect(handled.length).toBe(expected.length);
      expect(handled.every((each, at) => each === expected[at])).toBe(true);
      // What was abandoned half-way leaves nothing behind for the next record.
      for (const root of roots) queue.push(root);
      for (let n = 0; n < abandonedAfter; n++) queue.take()?.children.forEach((child) => queue.push(child));
      queue.clear();
      expect([queue.size, queue.take()]).toEqual([0, undefined]);
    }),
  );
});
