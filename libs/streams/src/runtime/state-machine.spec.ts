import { describe, expect, it } from 'vitest';
import { IllegalTransitionError } from '../errors/illegal-transition-error.js';
import { StateMachine } from './state-machine.js';

const door = () =>
  new StateMachine<'open' | 'shut' | 'broken'>(
    'Door',
    { open: ['shut'], shut: ['open', 'broken'], broken: [] },
    'open',
  );

describe('StateMachine', () => {
  it('takes legal steps, tells listeners both states, and refuses the others by name', () => {
    const machine = door();
    const seen: string[] = [];
    const remove = machine.onTransition((state, previous) => seen.push(`${previous}>${state}`));
    machine.transition('shut');
    expect(() => machine.transition('shut')).toThrow(IllegalTransitionError);
    expect(() => machine.transition('shut')).toThrow(/Door cannot go from "shut" to "shut"/);
    remove();
    machine.transition('open');
    expect(seen).toEqual(['open>shut']);
  });

  it('has changed and told everybody even if a listener throws', () => {
    const machine = door();
    let told = false;
    machine.onTransition(() => {
      throw new Error('listener');
    });
    machine.onTransition(() => (told = true));
    expect(() => machine.transition('shut')).toThrow('listener');
    expect([machine.state, told]).toEqual(['shut', true]);
  });

  it('waits for a state, and gives up on refusal or abort', async () => {
    const machine = door();
    await expect(machine.waitFor(['open'])).resolves.toBe('open');
    const shut = machine.waitFor(['shut']);
    const refused = machine.waitFor(['open'], {
      refuse: (state) => (state === 'broken' ? new Error('broke') : undefined),
    });
    await refused;
    const later = machine.waitFor(['broken']);
    const abort = new AbortController();
    const aborted = machine.waitFor(['broken'], { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    machine.transition('shut');
    await expect(shut).resolves.toBe('shut');
    const reopened = machine.waitFor(['open'], {
      refuse: (state) => (state === 'broken' ? new Error('broke') : undefined),
    });
    machine.transition('broken');
    await expect(reopened).rejects.toThrow('broke');
    await expect(later).resolves.toBe('broken');
  });
});
