import type { TaskId } from '../../topology/processor.js';
import { compareTaskIds } from '../../topology/task-id.js';

/** A member of the group as the assignor weighs it. */
export interface AssignorMember {
  readonly memberId: string;
  /** Breaks ties, so that a restarted instance, which gets a new member id, finds its place again. */
  readonly processId: string;
  /** Its share of the tasks is that of its capacity in the sum of all. */
  readonly capacity: number;
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
 * Gives every task to one member: the stateful ones in shares by capacity, each rounded up or down, then the others so that this holds for all
 * together, and with as few moves as that allows.
 *
 * A task stays with its owner, else goes to a member that has its state, else to the one with the fewest for its capacity. Pure, and independent of the
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
  const ordered = [...tasks]
    .sort((a, b) => compareTaskIds(a.id, b.id))
    .map(({ id, isStateful }) => ({ id, isStateful }));
  const claims = new Claims(places);
  const stateful = ordered.filter(({ isStateful }) => isStateful).map(({ id }) => id);
  const stateless = ordered.filter(({ isStateful }) => !isStateful).map(({ id }) => id);
  share(stateful, stateful.length, places, claims);
  share(stateless, ordered.length, places, claims);
  return new Map(places.map((place) => [place.member.memberId, place.tasks.sort(compareTaskIds)]));
}

/** Gives `ids` out so that the places come to their shares of `total`. */
function share(ids: readonly TaskId[], total: number, places: readonly Place[], claims: Claims): void {
  const capacity = places.reduce((sum, { member }) => sum + member.capacity, 0);
  let extra = total;
  for (const place of places) {
    place.share = (total * place.member.capacity) / capacity;
    extra -= Math.floor(place.share);
  }
  for (const place of places) if (place.tasks.length > Math.floor(place.share)) extra--;
  // A place may go one above its share rounded down, but only as many of them as there are tasks left over.
  const take = (place: Place | undefined, id: TaskId): boolean => {
    if (place === undefined) return false;
    const floor = Math.floor(place.share);
    const { length } = place.tasks;
    if (length >= Math.ceil(place.share) || (length >= floor && extra <= 0)) return false;
    if (length >= floor) extra--;
    place.tasks.push(id);
    return true;
  };
  const moving = ids.filter((id) => !take(claims.owner(id), id));
  const homeless = moving.filter(
    (id) =>
      !claims
        .holders(id)
        .toSorted(byLoad)
        .some((place) => take(place, id)),
  );
  for (const id of homeless) {
    const open = places.filter(
      ({ tasks, share: part }) => tasks.length < (extra > 0 ? Math.ceil(part) : Math.floor(part)),
    );
    const place = least(open) ?? least(places)!;
    if (!take(place, id)) place.tasks.push(id);
  }
}

class Place {
  readonly tasks: TaskId[] = [];
  share = 0;

  constructor(readonly member: AssignorMember) {}

  get load(): number {
    return this.tasks.length / this.member.capacity;
  }

  get claimed(): number {
    return this.member.ownedTasks.length / this.member.capacity;
  }
}

/** Who owned each task, and who has its state. */
class Claims {
  private readonly owners = new Map<TaskId, Place[]>();
  private readonly stored = new Map<TaskId, Place[]>();

  constructor(places: readonly Place[]) {
    for (const place of places) {
      for (const id of place.member.ownedTasks) add(this.owners, id, place);
      for (const id of place.member.storedTasks) add(this.stored, id, place);
    }
  }

  /** Two claims come from a member that was away: the one that still has the state on disk is believed first. */
  owner(id: TaskId): Place | undefined {
    const owners = this.owners.get(id) ?? [];
    return owners.length < 2 ? owners[0] : (owners.find((place) => this.holders(id).includes(place)) ?? owners[0]);
  }

  holders(id: TaskId): readonly Place[] {
    return this.stored.get(id) ?? [];
  }
}

function add(map: Map<TaskId, Place[]>, id: TaskId, place: Place): void {
  const known = map.get(id);
  if (known === undefined) map.set(id, [place]);
  else known.push(place);
}

function least(places: readonly Place[]): Place | undefined {
  let best: Place | undefined;
  for (const place of places) if (best === undefined || byLoad(place, best) < 0) best = place;
  return best;
}

/** Of two with the same load, the one that has less to lose takes the task, so that nothing has to move for it. */
function byLoad(a: Place, b: Place): number {
  return a.load - b.load || a.claimed - b.claimed;
}

function byIdentity(a: AssignorMember, b: AssignorMember): number {
  return compareText(a.processId, b.processId) || compareText(a.memberId, b.memberId);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
