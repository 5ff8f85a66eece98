import { hash } from 'node:crypto';

/** Of a digest: 120 bits. */
const CHARACTERS = 20;

/** A strong validator (RFC 9110, 8.8.3): of the bytes of the body, so it is the same whichever copy answers. */
export function entityTag(body: Uint8Array): string {
  return `"${hash('sha256', body, 'base64url').slice(0, CHARACTERS)}"`;
}

/** Whether `If-None-Match` names the tag; the comparison is the weak one (RFC 9110, 13.1.2). */
export function isNoneMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((each) => each.trim().replace(/^W\//, '') === tag);
}
