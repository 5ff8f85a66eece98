import { deflateSync, inflateSync } from 'node:zlib';
import { GroupProtocolError } from '../../errors/group-protocol-error.js';
import type { TaskId } from '../../topology/processor.js';
import { parseTaskId, taskId } from '../../topology/task-id.js';

/** Names the protocol in JoinGroup: a member that does not know it is refused by the broker. */
export const ASSIGNMENT_PROTOCOL = 'nestjs-streams';

/** Bumped when an older decoder would misread the data. Unknown fields of the same version are ignored. */
const VERSION = 3;

/** A broker keeps a whole group in one record, of 1 MB by default; this much of it is left to the owners in all assignments together. */
const OWNERS_MAX_BYTES = 400 * 1024;
const INFLATED_MAX_BYTES = 64 * 1024 * 1024;

/** What a member tells the leader. */
export interface SubscriptionData {
  /** Of the state directory: survives restarts. */
  readonly processId: string;
  readonly instanceId: string;
  /** As `GroupSeal` seals it. */
  readonly url: string | undefined;
  readonly topologyFingerprint: string;
  /** Of the assignment that gave it `ownedTasks`; -1 without one. Where two claim a task, the newer generation is believed (KIP-792). */
  readonly generation: number;
  /** Tasks held without a break in membership. */
  readonly ownedTasks: readonly TaskId[];
  readonly storedTasks: readonly TaskId[];
  /** Tasks whose copy here lacks no more than `acceptableRecoveryLag` records. */
  readonly readyTasks: readonly TaskId[];
  /** Weight in the sharing of tasks. */
  readonly capacity: number;
  readonly rackTags: Readonly<Record<string, string>>;
  /** About to stop: takes no task, and keeps what it has until that is asked back. */
  readonly isLeaving: boolean;
  /** Asks all instances to stop; as `GroupSeal` seals it. */
  readonly shutdownReason: string | undefined;
}

/** What the leader tells a member. */
export interface AssignmentData {
  readonly tasks: readonly TaskId[];
  /** Copies to keep up to date. */
  readonly standbys: readonly TaskId[];
  /** Tasks are to move as soon as copies of them are ready. */
  readonly isWarmingUp: boolean;
  /** Of every task of the application, not only those of this member; undefined in a group that is too large for that. */
  readonly owners: ReadonlyMap<TaskId, TaskOwner> | undefined;
  /** Some other instances and their base URLs, where the owners are left out: by them all learn of each other. */
  readonly neighbours: ReadonlyMap<string, string>;
  /** Tasks wait for their former owner: every member joins again at once. */
  readonly followUp: boolean;
  /** Instances that left the group with tasks that this member gets. */
  readonly departed: readonly string[];
  /** All instances of the group, where the leader knew of no former owners: members that were there before know who has left. */
  readonly instances: readonly string[] | undefined;
  /** How many members the group has. */
  readonly members: number;
  /** Why all instances are to stop; as `GroupSeal` seals it. */
  readonly shutdownReason: string | undefined;
}

export interface TaskOwner {
  readonly instanceId: string;
  /** In an assignment as `GroupSeal` seals it. */
  readonly url: string | undefined;
}

export function encodeSubscription(data: SubscriptionData): Uint8Array {
  return encode({
    version: VERSION,
    process: data.processId,
    instance: data.instanceId,
    url: data.url,
    fingerprint: data.topologyFingerprint,
    generation: data.generation,
    owned: pack(data.ownedTasks),
    stored: pack(data.storedTasks),
    ready: pack(data.readyTasks),
    capacity: data.capacity,
    rack: data.rackTags,
    leaving: data.isLeaving,
    shutdown: data.shutdownReason,
  });
}

/** @throws GroupProtocolError if the bytes are of another version or not ours. */
export function decodeSubscription(bytes: Uint8Array): SubscriptionData {
  const fields = decode(bytes, 'subscription');
  return {
    processId: text(fields['process']),
    instanceId: text(fields['instance']),
    url: optionalText(fields['url']),
    topologyFingerprint: text(fields['fingerprint']),
    generation: integer(fields['generation']),
    ownedTasks: unpack(fields['owned']),
    storedTasks: unpack(fields['stored']),
    readyTasks: unpack(fields['ready']),
    capacity: integer(fields['capacity']),
    rackTags: texts(fields['rack']),
    isLeaving: fields['leaving'] === true,
    shutdownReason: optionalText(fields['shutdown']),
  };
}

/** As `encodeAssignment` writes them: `[instanceId, url, tasks]` of each instance, deflated, as base64. */
export type PackedOwners = string;

/**
 * The assignments of all members land in one record of the broker, so each instance and its tasks are named once and in ranges.
 * @returns undefined if the record would become too large with them.
 */
export function packOwners(owners: ReadonlyMap<TaskId, TaskOwner>, members: number): PackedOwners | undefined {
  const instances = new Map<string, { owner: TaskOwner; tasks: TaskId[] }>();
  for (const [task, owner] of owners) {
    const key = JSON.stringify([owner.instanceId, owner.url ?? null]);
    const known = instances.get(key);
    if (known) known.tasks.push(task);
    else instances.set(key, { owner, tasks: [task] });
  }
  const packed = Array.from(instances.values(), ({ owner, tasks }) => [
    owner.instanceId,
    owner.url ?? null,
    pack(tasks),
  ]);
  const deflated = deflateSync(JSON.stringify(packed)).toString('base64');
  return members * deflated.length > OWNERS_MAX_BYTES ? undefined : deflated;
}

export function encodeAssignment(data: Omit<AssignmentData, 'owners'>, owners: PackedOwners | undefined): Uint8Array {
  return encode({
    version: VERSION,
    tasks: pack(data.tasks),
    standbys: pack(data.standbys),
    warming: data.isWarmingUp,
    owners,
    neighbours: data.neighbours.size === 0 ? undefined : Object.fromEntries(data.neighbours),
    followUp: data.followUp,
    departed: data.departed,
    instances: data.instances,
    members: data.members,
    shutdown: data.shutdownReason,
  });
}

/** @throws GroupProtocolError if the bytes are of another version or not ours. */
export function decodeAssignment(bytes: Uint8Array): AssignmentData {
  const fields = decode(bytes, 'assignment');
  return {
    tasks: unpack(fields['tasks']),
    standbys: unpack(fields['standbys']),
    isWarmingUp: fields['warming'] === true,
    owners: fields['owners'] === undefined ? undefined : unpackOwners(fields['owners']),
    neighbours: new Map(Object.entries(fields['neighbours'] === undefined ? {} : texts(fields['neighbours']))),
    followUp: fields['followUp'] === true,
    departed: list(fields['departed']).map(text),
    instances: fields['instances'] === undefined ? undefined : list(fields['instances']).map(text),
    members: integer(fields['members']),
    shutdownReason: optionalText(fields['shutdown']),
  };
}

function unpackOwners(packed: unknown): Map<TaskId, TaskOwner> {
  const owners = new Map<TaskId, TaskOwner>();
  for (const entry of list(inflated(text(packed)))) {
    const [instanceId, url, tasks] = list(entry);
    const owner: TaskOwner = { instanceId: text(instanceId), url: optionalText(url) };
    for (const task of unpack(tasks)) owners.set(task, owner);
  }
  return owners;
}

function inflated(packed: string): unknown {
  try {
    const options = { maxOutputLength: INFLATED_MAX_BYTES };
    return JSON.parse(inflateSync(Buffer.from(packed, 'base64'), options).toString()) as unknown;
  } catch (cause) {
    throw unreadable(`the owners are damaged (${String(cause)})`);
  }
}

/** `0:0-3,7;1:2`: partitions of each sub-topology as ranges. */
function pack(tasks: readonly TaskId[]): string {
  const partitions = new Map<number, number[]>();
  for (const task of tasks) {
    const parsed = parseTaskId(task);
    if (!parsed) throw new GroupProtocolError(`"${task}" is no task id.`);
    const known = partitions.get(parsed.subTopology);
    if (known) known.push(parsed.partition);
    else partitions.set(parsed.subTopology, [parsed.partition]);
  }
  return [...partitions]
    .sort(([a], [b]) => a - b)
    .map(([subTopology, numbers]) => `${subTopology}:${ranges(numbers)}`)
    .join(';');
}

function ranges(numbers: readonly number[]): string {
  const spans: { first: number; last: number }[] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const span = spans.at(-1);
    if (span && span.last === number - 1) span.last = number;
    else spans.push({ first: number, last: number });
  }
  return spans.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

function unpack(packed: unknown): TaskId[] {
  const tasks: TaskId[] = [];
  for (const group of text(packed).split(';').filter(Boolean)) {
    const match = /^(\d{1,9}):([\d,-]+)$/.exec(group);
    if (!match) throw unreadable(`"${group}" is no list of tasks`);
    for (const range of (match[2] ?? '').split(',')) {
      const span = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range);
      if (!span) throw unreadable(`"${range}" is no range`);
      const first = Number(span[1]);
      const last = Number(span[2] ?? span[1]);
      if (last - first > 1_000_000) throw unreadable(`"${range}" is too wide`);
      for (let partition = first; partition <= last; partition++) tasks.push(taskId(Number(match[1]), partition));
    }
  }
  return tasks;
}

function encode(fields: Readonly<Record<string, unknown>>): Uint8Array {
  return Buffer.from(JSON.stringify(fields));
}

function decode(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw new GroupProtocolError(
      `A member of the group sent a ${what} that is not of nestjs-streams. Is another application using this applicationId as its group id?`,
      { cause },
    );
  }
  const version = typeof fields === 'object' && fields !== null && 'version' in fields ? fields.version : undefined;
  if (version !== VERSION) {
    throw new GroupProtocolError(
      `A member of the group sent a ${what} of version ${String(version)}; this release reads version ${VERSION}. ` +
        'Run the same release of nestjs-streams on all instances.',
    );
  }
  return fields as Readonly<Record<string, unknown>>;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw unreadable('a text is missing');
  return value;
}

function integer(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw unreadable('a number is missing');
  return value;
}

function optionalText(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : text(value);
}

function texts(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) throw unreadable('a table is missing');
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, text(each)]));
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw unreadable('a list is missing');
  return value;
}

function unreadable(reason: string): GroupProtocolError {
  return new GroupProtocolError(`The group metadata of a member cannot be read: ${reason}.`);
}
