/** Of the store that is asked. */
export const ENTRIES = 1_000_000;

export function keyAt(index: number): string {
  return `acc-${String(index).padStart(7, '0')}`;
}

export function balanceAt(index: number): string {
  const accountId = keyAt(index);
  return JSON.stringify({ accountId, balance: index * 7, count: 3, min: -100, max: index, lastAt: 1_700_000_000_000 });
}
