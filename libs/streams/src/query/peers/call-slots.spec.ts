import { describe, expect, it } from 'vitest';
import { CallSlots, type CallSlot } from './call-slots.js';

const ORIGIN = 'http://b';

function world(limits = { max: 4, maxPerClient: 3, maxWaiting: 4, maxWaitingPerClient: 2 }): {
  readonly begun: string[];
  readonly slots: CallSlots;
  enter(name: string, client?: string): CallSlot | undefined;
} {
  const begun: string[] = [];
  const slots = new CallSlots(limits);
  return { begun, slots, enter: (name, client) => slots.enter(ORIGIN, client, () => void begun.push(name)) };
}

describe('the places of calls to one instance', () => {
  it('are never all taken by one client', () => {
    const { begun, enter } = world();
    for (const name of ['a1', 'a2', 'a3', 'a4']) enter(name, 'a');
    expect(begun).toEqual(['a1', 'a2', 'a3']);
    enter('b1', 'b');
    expect(begun).toEqual(['a1', 'a2', 'a3', 'b1']);
  });

  it('go to the client with the fewest of them, in the order of its own calls', () => {
    const { begun, slots, enter } = world();
    const first = ['a1', 'a2', 'a3', 'a4', 'a5'].map((name) => enter(name, 'a'));
    enter('b1', 'b');
    enter('b2', 'b');
    slots.leave(first[0]!);
    slots.leave(first[1]!);
    slots.leave(first[2]!);
    expect(begun).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'a4', 'a5']);
  });

  it('are waited for by no more calls than allowed, of one client and of all', () => {
    const { enter } = world({ max: 1, maxPerClient: 1, maxWaiting: 3, maxWaitingPerClient: 2 });
    const asked = ['a', 'a', 'a', 'a', 'b', 'b', undefined].map((client) => enter('call', client) !== undefined);
    expect(asked).toEqual([true, true, true, false, true, false, false]);
  });

  it('are all there for calls of the application itself, and come back from calls that never began', () => {
    const { begun, slots, enter } = world();
    const own = ['1', '2', '3', '4', '5'].map((name) => enter(name));
    expect(begun).toEqual(['1', '2', '3', '4']);
    slots.leave(own[4]!);
    for (const slot of own.slice(0, 4)) slots.leave(slot!);
    for (const name of ['5', '6', '7', '8', '9']) enter(name);
    expect(begun).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  });
});
