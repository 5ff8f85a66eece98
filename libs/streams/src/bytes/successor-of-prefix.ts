/** The least key above all that begin with `prefix`, or undefined if there is none. */
export function successorOfPrefix(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 255) length--;
  if (length === 0) return undefined;
  const successor = Uint8Array.from(prefix.subarray(0, length));
  successor[length - 1]++;
  return successor;
}
