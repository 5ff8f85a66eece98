const tables = slicingTables();
const [T0, T1, T2, T3, T4, T5, T6, T7] = tables as [Table, Table, Table, Table, Table, Table, Table, Table];

type Table = Uint32Array;

function slicingTables(): Table[] {
  const first = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    first[i] = c;
  }
  const all = [first];
  for (let slice = 1; slice < 8; slice++) {
    const previous = all[slice - 1]!;
    all.push(Uint32Array.from(previous, (c) => (c >>> 8) ^ first[c & 255]!));
  }
  return all;
}

/** CRC-32C (Castagnoli) of `bytes[from, to)`, eight bytes a step. Hot: every produced and fetched byte passes it. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let c = -1;
  let i = from;
  for (const end = to - 7; i < end; i += 8) {
    c =
      T7[(c ^ bytes[i]!) & 255]! ^
      T6[((c >>> 8) ^ bytes[i + 1]!) & 255]! ^
      T5[((c >>> 16) ^ bytes[i + 2]!) & 255]! ^
      T4[((c >>> 24) ^ bytes[i + 3]!) & 255]! ^
      T3[bytes[i + 4]!]! ^
      T2[bytes[i + 5]!]! ^
      T1[bytes[i + 6]!]! ^
      T0[bytes[i + 7]!]!;
  }
  for (; i < to; i++) c = T0[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
  return (c ^ -1) >>> 0;
}
