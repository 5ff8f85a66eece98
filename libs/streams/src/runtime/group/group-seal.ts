import { createHmac, timingSafeEqual } from 'node:crypto';
import type { StreamsLogger } from '../../observability/streams-logger.js';
import type { Clock } from '../../time/clock.js';
import type { TaskId } from '../../topology/processor.js';
import type { TaskOwner } from '../assignment/user-data.js';
import { peerUrlOf } from '../../config/peer-url.js';

/** Instances send requests to stop again with each rebalance, so an old one is a copy. Includes the difference of two clocks. */
const MAX_AGE_MS = 600_000;
/** 128 bits. The assignments of a group repeat the addresses of all members. */
const MAC_CHARACTERS = 22;

export interface GroupSealOptions {
  readonly applicationId: string;
  readonly instanceId: string;
  /** `peers.secret`; without it nothing is signed, and what members say is believed if it is well formed. */
  readonly secret: string | undefined;
  readonly clock: Clock;
  readonly logger: StreamsLogger;
}

/**
 * Signs what an instance tells its group and others act upon: its address, and its request that all instances stop. Everybody who may join the
 * group at the broker writes such data, and every member may be the leader that passes it on.
 */
export class GroupSeal {
  /** Instances whose address was refused and warned of. */
  private readonly refused = new Set<string>();

  constructor(private readonly options: GroupSealOptions) {}

  /** The address as it is told: `<url> <mac>`. */
  sealAddress(url: string | undefined): string | undefined {
    const base = url === undefined ? undefined : peerUrlOf(url);
    if (base === undefined || this.options.secret === undefined) return base;
    return `${base} ${this.mac('address', this.options.instanceId, base)}`;
  }

  /** The base URL that `instanceId` itself has told; undefined for an address that is malformed or that nobody with the secret signed. */
  openAddress(instanceId: string, sealed: string | undefined): string | undefined {
    if (sealed === undefined) return undefined;
    const [text, mac] = sealed.split(' ');
    const base = peerUrlOf(text);
    if (base === undefined || this.options.secret === undefined) return base;
    if (isSame(mac, this.mac('address', instanceId, text))) {
      this.refused.delete(instanceId);
      return base;
    }
    this.warnOf(instanceId, base);
    return undefined;
  }

  /** The reason as it is told: `<time> <mac> <reason>`. */
  sealReason(reason: string | undefined): string | undefined {
    if (reason === undefined || this.options.secret === undefined) return reason;
    const time = String(this.options.clock.now());
    return `${time} ${this.mac('shutdown', time, reason)} ${reason}`;
  }

  /** Why all instances are to stop; undefined for a request that nobody with the secret signed in the last minutes. */
  openReason(sealed: string | undefined): string | undefined {
    if (sealed === undefined || this.options.secret === undefined) return sealed;
    const [, time, mac, reason] = /^(\d{1,15}) (\S+) (.*)$/s.exec(sealed) ?? [];
    if (time === undefined || !isSame(mac, this.mac('shutdown', time, reason))) return undefined;
    return Math.abs(this.options.clock.now() - Number(time)) <= MAX_AGE_MS ? reason : undefined;
  }

  openOwners(owners: ReadonlyMap<TaskId, TaskOwner> | undefined): ReadonlyMap<TaskId, TaskOwner> | undefined {
    if (owners === undefined) return undefined;
    // The tasks of one owner share its object.
    const opened = new Map<TaskOwner, TaskOwner>();
    const open = (owner: TaskOwner): TaskOwner => {
      const known = opened.get(owner) ?? { ...owner, url: this.openAddress(owner.instanceId, owner.url) };
      opened.set(owner, known);
      return known;
    };
    return new Map(Array.from(owners, ([task, owner]) => [task, open(owner)]));
  }

  openNeighbours(neighbours: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const opened = new Map<string, string>();
    for (const [instanceId, sealed] of neighbours) {
      const url = this.openAddress(instanceId, sealed);
      if (url !== undefined) opened.set(instanceId, url);
    }
    return opened;
  }

  private warnOf(instanceId: string, url: string): void {
    if (this.refused.has(instanceId)) return;
    this.refused.add(instanceId);
    this.options.logger.warn(
      `The address ${url} of the instance "${instanceId}" is not signed with this instance's "peers.secret", so it is not called. ` +
        'Give all instances the same secret; one of an earlier release is called once it is upgraded.',
    );
  }

  private mac(kind: 'address' | 'shutdown', ...parts: readonly string[]): string {
    const text = JSON.stringify(['group', kind, this.options.applicationId, ...parts]);
    return createHmac('sha256', this.options.secret!).update(text).digest('base64url').slice(0, MAC_CHARACTERS);
  }
}

function isSame(given: string | undefined, expected: string): boolean {
  const [a, b] = [Buffer.from(given ?? ''), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
