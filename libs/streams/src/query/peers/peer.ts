/** Another instance of the application. */
export interface Peer {
  readonly instanceId: string;
  /** Base URL without a trailing slash. */
  readonly url: string;
}

/** Behind the `advertisedUrl` of an instance, whatever prefix and version its application gives to its own routes. */
export const PEER_PATH = '/_nestjs-streams/peer';

export const PEER_HEADER = 'streams-peer';
export const SIGNATURE_HEADER = 'streams-signature';
/** Of an answer: how the callee signs. */
export const VERSION_HEADER = 'streams-peer-version';
export const PEER_CONTENT_TYPE = 'application/x-nestjs-streams';

/** What one call between instances may carry; parts of scans are cut long before. */
export const PEER_MAX_BYTES = 64 * 1024 * 1024;
