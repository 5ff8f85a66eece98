import { describe, expect, it } from 'vitest';
import { RequestGate } from './request-gate.js';

const CLIENT = '10.0.0.1';

describe('the gate of requests', () => {
  const present = (): boolean => false;

  it('lets so many in at once, lets so many wait in their order, and refuses the others', async () => {
    const gate = new RequestGate('requests', 1, 2);
    const entered: string[] = [];
    expect(gate.enter(CLIENT, present)).toBeUndefined();
    const waiting = ['a', 'b'].map((name) => gate.enter(CLIENT, present)!.then(() => entered.push(name)));
    expect(() => gate.enter(CLIENT, present)).toThrow(/Too many requests/);
    gate.leave(CLIENT);
    await waiting[0];
    gate.leave(CLIENT);
    await waiting[1];
    expect(entered).toEqual(['a', 'b']);
    gate.leave(CLIENT);
    expect(gate.enter(CLIENT, present)).toBeUndefined();
  });

  it('gives the place of a client that has gone to the next one', async () => {
    const gate = new RequestGate('requests', 1, 1);
    let isGone = false;
    expect(gate.enter(CLIENT, present)).toBeUndefined();
    const gone = gate.enter(CLIENT, () => isGone)!;
    isGone = true;
    const next = gate.enter(CLIENT, present)!;
    await expect(gone).rejects.toMatchObject({ code: 'STREAMS_QUERY_OVERLOADED' });
    gate.leave(CLIENT);
    await next;
    gate.leave(CLIENT);
    expect(gate.enter(CLIENT, present)).toBeUndefined();
  });

  it('lets clients take turns, one of them into half of the places, and refuses those with the most requests first', async () => {
    const gate = new RequestGate('requests', 4, 3);
    const entered: string[] = [];
    const ask = (client: string): Promise<unknown> | undefined =>
      gate.enter(client, present)?.then(
        () => entered.push(client),
        () => entered.push(`${client} refused`),
      );
    const greedy = Array.from({ length: 5 }, () => ask('greedy'));
    expect(greedy.map((each) => each === undefined)).toEqual([true, true, false, false, false]);
    expect(() => gate.enter('greedy', present)).toThrow(/Too many requests/);
    expect([ask('other'), ask('other')]).toEqual([undefined, undefined]);
    const modest = ask('modest');
    await greedy[4];
    expect(entered).toEqual(['greedy refused']);
    gate.leave('other');
    await modest;
    gate.leave('other');
    gate.leave('modest');
    expect(entered).toEqual(['greedy refused', 'modest']);
    gate.leave('greedy');
    gate.leave('greedy');
    await Promise.all(greedy);
    expect(entered).toEqual(['greedy refused', 'modest', 'greedy', 'greedy']);
  });
});
