/**
 * How much a client wants a media type, from 0 to 1 (RFC 9110, 12.4.2). Of ranges that hold it the most specific one counts; undefined: none does.
 * @param type in small letters.
 */
export function weightOf(accept: string, type: string): number | undefined {
  const ranges = [type, `${type.split('/', 1)[0]}/*`, '*/*'];
  let best = ranges.length;
  let weight: number | undefined;
  for (const each of accept.split(',')) {
    const [range, ...parameters] = each.split(';').map((part) => part.trim().toLowerCase());
    const rank = ranges.indexOf(range);
    if (rank < 0 || rank > best) continue;
    const wanted = weightAmong(parameters);
    weight = rank === best ? Math.max(weight ?? 0, wanted) : wanted;
    best = rank;
  }
  return weight;
}

function weightAmong(parameters: readonly string[]): number {
  const text = parameters.find((each) => each.startsWith('q='))?.slice('q='.length);
  // What is no weight is none: the range counts in full.
  return text !== undefined && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : 1;
}
