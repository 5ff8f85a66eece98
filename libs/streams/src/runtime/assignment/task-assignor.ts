import { compareTaskIds } from '../../topology/task-id.js';
import type { TaskId } from '../../topology/processor.js';
import { assignSticky, type AssignableTask, type AssignorMember } from './sticky-assignor.js';

export interface StandbyMember extends AssignorMember {
  /** Tasks whose copy on this member needs next to nothing to run. */
  readonly readyTasks: readonly TaskId[];
  /** Where it runs, such as its zone, by the names of tags. */
  readonly rackTags: Readonly<Record<string, string>>;
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
  /** Tags in which the places of a task are to differ (KIP-708). */
  readonly rackAwareTags: readonly string[];
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
  { standbyReplicas, maxWarmupReplicas, rackAwareTags }: TaskAssignorOptions,
): TargetAssignment {
  const balanced = assignSticky(members, tasks);
  const places = [...members]
    .sort((a, b) => compareText(a.processId, b.processId) || compareText(a.memberId, b.memberId))
    .map((member) => new Place(member));
  const byId = new Map(places.map((place) => [place.member.memberId, place]));
  const wantedBy = new Map<TaskId, Place>();
  for (const [memberId, ids] of balanced) for (const id of ids) wantedBy.set(id, byId.get(memberId)!);
  const ordered = [...tasks].sort((a, b) => compareTaskIds(a.id, b.id));
  /** Of each task that is to have copies: who runs it, then who has a copy by now. */
  const chosen = new Map<TaskId, Place[]>();
  let warmups = 0;
  let isWarmingUp = false;
  for (const task of ordered) {
    const wanted = wantedBy.get(task.id);
    if (wanted === undefined) continue;
    const better =
      task.isStateful && !task.isQuick && !wanted.ready.has(task.id) ? bestReady(places, task.id) : undefined;
    (better ?? wanted).active.push(task.id);
    if (task.isStateful) chosen.set(task.id, [better ?? wanted]);
    if (better === undefined) continue;
    isWarmingUp = true;
    if (warmups++ >= maxWarmupReplicas) continue;
    wanted.standby.push(task.id);
    chosen.get(task.id)!.push(wanted);
  }
  for (const [id, used] of chosen) addStandbys(places, id, used, standbyReplicas, rackAwareTags);
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
    return (this.active.length + this.standby.length) / this.member.capacity;
  }

  result(): MemberTasks {
    return { active: [...this.active].sort(compareTaskIds), standby: [...this.standby].sort(compareTaskIds) };
  }
}

/** Its owner, else whoever could go on at once and has the least to do. */
function bestReady(places: readonly Place[], id: TaskId): Place | undefined {
  let best: Place | undefined;
  for (const place of places) {
    if (!place.ready.has(id)) continue;
    if (place.owned.has(id)) return place;
    if (best === undefined || place.active.length / place.member.capacity < best.active.length / best.member.capacity)
      best = place;
  }
  return best;
}

/** @param used where the task runs, then where copies of it are by now; what is chosen is added. */
function addStandbys(
  places: readonly Place[],
  id: TaskId,
  used: Place[],
  replicas: number,
  rackAwareTags: readonly string[],
): void {
  while (used.length <= replicas) {
    const place = bestStandby(places, id, used, rackAwareTags);
    if (place === undefined) return;
    place.standby.push(id);
    used.push(place);
  }
}

/**
 * On a process of its own: first where most tags differ from those of the other places, then where a copy is, then where the state is on disk, then
 * where the least is to do.
 */
function bestStandby(
  places: readonly Place[],
  id: TaskId,
  used: readonly Place[],
  rackAwareTags: readonly string[],
): Place | undefined {
  let best: Place | undefined;
  let bestRank = -1;
  for (const place of places) {
    if (used.some(({ member }) => member.processId === place.member.processId)) continue;
    const isApart = (tag: string): boolean =>
      used.every(({ member }) => member.rackTags[tag] !== place.member.rackTags[tag]);
    const apart = rackAwareTags.length === 0 ? 0 : rackAwareTags.filter(isApart).length;
    const rank = 3 * apart + (place.ready.has(id) ? 2 : place.stored.has(id) ? 1 : 0);
    if (best !== undefined && (rank < bestRank || (rank === bestRank && place.load >= best.load))) continue;
    best = place;
    bestRank = rank;
  }
  return best;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
