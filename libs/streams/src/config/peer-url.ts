/**
 * The base URL of an instance in its normal form, or undefined for text that is none. The metadata of the group names these, and anybody
 * who may join the group can write there: only scheme, host, port and a base path count, and `PEER_PATH` is always appended.
 */
export function peerUrlOf(text: string): string | undefined {
  if (/[?#\s\\]/.test(text) || !URL.canParse(text)) return undefined;
  const { protocol, origin, username, password, pathname } = new URL(text);
  if ((protocol !== 'http:' && protocol !== 'https:') || username !== '' || password !== '') return undefined;
  return origin + pathname.replace(/\/+$/, '');
}
