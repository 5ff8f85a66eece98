import { compareTaskIds } from '../../topology/task-id.js';
import type { TaskId } from '../../topology/processor.js';
import { assignSticky, type AssignableTask, type AssignorMember } from './sticky-assignor.js';

export interface StandbyMember extends AssignorMember {
  /** Tasks whose copy on this member needs next to nothing to run. */
  readonly readyTasks: readonly TaskId[];
}

export interface StandbyTask extends AssignableTask {
  /** Even without any state a member runs it soon. */
  readonly isQuick: boolean;
}

export interface TaskAssignorOptions {
  /** Copies of each stateful task beside the one that runs, as far as there are members. */
  readonly standbyReplicas: number;
  /** Copies that may be made at a time for tasks that are to move (KIP-441). */
  readonly maxWarmupReplicas: number;
}

/** What one member is to do. Tasks in order; none is in both lists. */
export interface MemberTasks {
  readonly active: readonly TaskId[];
  /** Copies to keep up to date, warm-ups included. */
  readonly standby: readonly TaskId[];
}

export interface TargetAssignment {
  readonly members: ReadonlyMap<string, MemberTasks>;
  /** Tasks run elsewhere than balance asks for until a copy is ready there: assign again then. */
  readonly isWarmingUp: boolean;
}

/**
 * Who runs each task, and who keeps copies of it. A task whose state is large goes to the member that balance asks for only once that member has a
 * copy that is ready; until then it stays, or goes to a member whose copy is (KIP-441). Pure, and independent of the order of both arguments.
 */
export function assignTasks(
  members: readonly StandbyMember[],
  tasks: readonly StandbyTask[],
  { standbyReplicas, maxWarmupReplicas }: TaskAssignorOptions,
): TargetAssignment {
  const balanced = assignSticky(members, tasks);
  const places = [...members]
    .sort((a, b) => compareText(a.processId, b.processId) || compareText(a.memberId, b.memberId))
    .map((member) => new Place(member));
  const byId = new Map(places.map((place) => [place.member.memberId, place]));
  const wantedBy = new Map<TaskId, Place>();
  for (const [memberId, ids] of balanced) for (const id of ids) wantedBy.set(id, byId.get(memberId)!);
  const ordered = [...tasks].sort((a, b) => compareTaskIds(a.id, b.id));
  let warmups = 0;
  let isWarmingUp = false;
  for (const task of ordered) {
    const wanted = wantedBy.get(task.id);
    if (wanted === undefined) continue;
    const better =
      task.isStateful && !task.isQuick && !wanted.ready.has(task.id) ? bestReady(places, task.id) : undefined;
    (better ?? wanted).active.push(task.id);
    if (better === undefined) continue;
    isWarmingUp = true;
    if (warmups++ < maxWarmupReplicas) wanted.standby.push(task.id);
  }
  for (const { id, isStateful } of ordered) if (isStateful) addStandbys(places, id, standbyReplicas);
  return { members: new Map(places.map((place) => [place.member.memberId, place.result()])), isWarmingUp };
}

class Place {
  readonly active: TaskId[] = [];
  readonly standby: TaskId[] = [];
  readonly owned: ReadonlySet<TaskId>;
  readonly stored: ReadonlySet<TaskId>;
  readonly ready: ReadonlySet<TaskId>;

  constructor(readonly member: StandbyMember) {
    this.owned = new Set(member.ownedTasks);
    this.stored = new Set(member.storedTasks);
    this.ready = new Set(member.readyTasks);
  }

  get load(): number {
    return this.active.length + this.standby.length;
  }

  result(): MemberTasks {
    return { active: [...this.active].sort(compareTaskIds), standby: [...this.standby].sort(compareTaskIds) };
  }
}

/** Its owner, else whoever could go on at once and has the least to do. */
function bestReady(places: readonly Place[], id: TaskId): Place | undefined {
  const ready = places.filter((place) => place.ready.has(id));
  return ready.find((place) => place.owned.has(id)) ?? least(ready, (place) => place.active.length);
}

/** Copies stay where they are, then go where the state is on disk, then to the member with the least to do. */
function addStandbys(places: readonly Place[], id: TaskId, replicas: number): void {
  const active = places.find((place) => place.active.includes(id));
  if (active === undefined) return;
  const taken = new Set([active.member.processId]);
  const warming = places.filter((place) => place.standby.includes(id));
  for (const { member } of warming) taken.add(member.processId);
  for (let count = warming.length; count < replicas; count++) {
    const free = places.filter(({ member }) => !taken.has(member.processId));
    const ready = free.filter((place) => place.ready.has(id));
    const stored = free.filter((place) => place.stored.has(id));
    const place = least(ready.length > 0 ? ready : stored.length > 0 ? stored : free, ({ load }) => load);
    if (place === undefined) return;
    place.standby.push(id);
    taken.add(place.member.processId);
  }
}

function least(places: readonly Place[], weight: (place: Place) => number): Place | undefined {
  let best: Place | undefined;
  for (const place of places) if (best === undefined || weight(place) < weight(best)) best = place;
  return best;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
