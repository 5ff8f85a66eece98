import { isIPv6 } from 'node:net';

const DOTTED = /\d+\.\d+\.\d+\.\d+$/;
const NETWORK_GROUPS = 4;

/**
 * Returns who stands behind an address, for limits of one client: an IPv4 address itself, also in its IPv6 form, and of an IPv6 address the first 64 bits,
 * because the owner of a network has all addresses in it. Any other text is returned as it is.
 */
export function clientOfAddress(address: string): string {
  if (!address.includes(':')) return address;
  const [bare] = address.split('%');
  if (!isIPv6(bare)) return address;
  const groups = groupsOf(bare);
  return (
    ipv4Of(groups) ??
    `${groups
      .slice(0, NETWORK_GROUPS)
      .map((group) => group.toString(16))
      .join(':')}::/64`
  );
}

/** @returns undefined unless the address is one of IPv4, as `::ffff:a.b.c.d`. */
function ipv4Of(groups: readonly number[]): string | undefined {
  if (groups.slice(0, 5).some((group) => group !== 0) || groups[5] !== 0xffff) return undefined;
  return [groups[6] >> 8, groups[6] & 255, groups[7] >> 8, groups[7] & 255].join('.');
}

/** @param address valid, without a zone. */
function groupsOf(address: string): number[] {
  const text = address.replace(DOTTED, (dotted) => {
    const [a, b, c, d] = dotted.split('.').map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head, tail] = text
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':').map((each) => parseInt(each, 16))));
  if (tail === undefined) return head;
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
