import type { TaskId } from '../../topology/processor.js';
import { compareTaskIds } from '../../topology/task-id.js';

/** A member of the group as the assignor weighs it. */
export interface AssignorMember {
  readonly memberId: string;
  /** Breaks ties, so that a restarted instance, which gets a new member id, finds its place again. */
  readonly processId: string;
  /** Tasks it ran until now. */
  readonly ownedTasks: readonly TaskId[];
  /** Tasks whose state is on its disk, owned ones or not. */
  readonly storedTasks: readonly TaskId[];
}

export interface AssignableTask {
  readonly id: TaskId;
  /** A stateless task moves for free. */
  readonly isStateful: boolean;
}

/**
 * Gives every task to one member, with counts that differ by one at most and with as few moves as that allows.
 *
 * A task stays with its owner, else goes to a member that has its state, else to the one with the fewest tasks. Pure, and independent of the
 * order of both arguments: any member that becomes leader computes the same.
 *
 * @returns the tasks of each member id, in order; members without tasks included.
 */
export function assignSticky(
  members: readonly AssignorMember[],
  tasks: readonly AssignableTask[],
): Map<string, TaskId[]> {
  const places = [...members].sort(byIdentity).map((member) => new Place(member));
  if (places.length === 0) return new Map();
  const ordered = [...tasks].sort((a, b) => compareTaskIds(a.id, b.id));
  const floor = Math.floor(ordered.length / places.length);
  let extra = ordered.length % places.length;
  // A place may go one above the floor, but only as many of them as there are tasks left over.
  const take = (place: Place | undefined, task: AssignableTask): boolean => {
    if (!place || place.tasks.length > floor || (place.tasks.length === floor && extra === 0)) return false;
    if (place.tasks.length === floor) extra--;
    place.tasks.push(task.id);
    return true;
  };

  // Stateful tasks choose first: moving one costs a restore.
  const choosing = [...ordered.filter((task) => task.isStateful), ...ordered.filter((task) => !task.isStateful)];
  const moving = choosing.filter((task) => {
    const owners = places.filter((place) => place.owned.has(task.id));
    // Two claims come from a member that was away: the one that still has the state on disk is believed first.
    const owner = owners.find((place) => place.stored.has(task.id)) ?? owners[0];
    return !take(owner, task);
  });
  const homeless = moving.filter((task) => {
    const holders = places.filter((place) => place.stored.has(task.id)).sort(byLoad);
    return !holders.some((place) => take(place, task));
  });
  for (const task of homeless) [...places].sort(byLoad).some((place) => take(place, task));

  return new Map(places.map((place) => [place.memberId, place.tasks.sort(compareTaskIds)]));
}

class Place {
  readonly memberId: string;
  readonly owned: ReadonlySet<TaskId>;
  readonly stored: ReadonlySet<TaskId>;
  readonly tasks: TaskId[] = [];

  constructor(member: AssignorMember) {
    this.memberId = member.memberId;
    this.owned = new Set(member.ownedTasks);
    this.stored = new Set(member.storedTasks);
  }
}

function byLoad(a: Place, b: Place): number {
  return a.tasks.length - b.tasks.length;
}

function byIdentity(a: AssignorMember, b: AssignorMember): number {
  return compareText(a.processId, b.processId) || compareText(a.memberId, b.memberId);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
