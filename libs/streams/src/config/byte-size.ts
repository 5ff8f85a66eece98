/** Bytes, or a number with a unit: `'512KB'`, `'64MB'`, `'1.5GB'`; `KB` and `KiB` both mean 1024 bytes, as everywhere in Kafka. */
export type ByteSize = number | `${number}${'B' | 'KB' | 'MB' | 'GB' | 'KiB' | 'MiB' | 'GiB'}`;

const UNIT_BYTES = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 } as const;

/** @returns whole bytes, or undefined if `value` is no size. */
export function parseByteSize(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? Math.round(value) : undefined;
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*([kmg]?)i?b$/i.exec(value.trim()) : null;
  if (!match) return undefined;
  return Math.round(Number(match[1]) * UNIT_BYTES[(match[2] ?? '').toLowerCase() as keyof typeof UNIT_BYTES]);
}
