import type {
  CountAnswer,
  EntriesAnswer,
  PartitionReads,
  PartitionTarget,
  ReadBounds,
  ScanPart,
  ValuesAnswer,
} from '../reads/partition-reads.js';
import type { PeerClient } from './peer-client.js';
import type { Peer } from './peer.js';
import { decodeCount, decodeEntries, decodeValues, encodeRequest } from './peer-protocol.js';

/** Reads what another instance holds; that instance answers from its own state or not at all. */
export class PeerReads implements PartitionReads {
  constructor(
    private readonly peer: Peer,
    private readonly client: PeerClient,
  ) {}

  async get(target: PartitionTarget, keys: readonly Uint8Array[], bounds: ReadBounds): Promise<ValuesAnswer> {
    const request = encodeRequest({ op: 'get', target, keys, bounds });
    return decodeValues(await this.client.call(this.peer, request, bounds.waitMs));
  }

  async scan(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<EntriesAnswer> {
    const request = encodeRequest({ op: 'scan', target, part, bounds });
    return decodeEntries(await this.client.call(this.peer, request, bounds.waitMs));
  }

  async count(target: PartitionTarget, part: ScanPart, bounds: ReadBounds): Promise<CountAnswer> {
    const request = encodeRequest({ op: 'count', target, part, bounds });
    return decodeCount(await this.client.call(this.peer, request, bounds.waitMs));
  }
}
