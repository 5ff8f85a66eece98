import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { PeerAuth } from './peer-auth.js';

const body = Buffer.from('body');

describe('calls between instances', () => {
  const clock = new ManualClock();
  const caller = new PeerAuth('secret', clock);
  const callee = new PeerAuth('secret', clock);
  const reasonOf = (action: () => unknown): string => {
    try {
      action();
      return 'taken';
    } catch (error) {
      return (error as Error).message;
    }
  };

  it('are taken once, from whoever holds the secret', () => {
    const credentials = caller.sign('a b', 'b/1', body);
    callee.admit(credentials, 'b/1');
    expect(callee.check(credentials, 'b/1', body)).toBe('a b');
    expect(reasonOf(() => callee.check(credentials, 'b/1', body))).toMatch('seen before');
  });

  it('are not taken by a process that was started after they were signed: the one before may have answered', async () => {
    const credentials = caller.sign('a', 'b', body);
    expect(callee.check(credentials, 'b', body)).toBe('a');
    await clock.advance(1);
    const again = new PeerAuth('secret', clock);
    expect(reasonOf(() => again.admit(credentials, 'b'))).toMatch('before this instance was started');
    expect(reasonOf(() => again.check(credentials, 'b', body))).toMatch('before this instance was started');
    expect(again.check(caller.sign('a', 'b', body), 'b', body)).toBe('a');
  });

  it('are not taken with another body, another caller or another secret', () => {
    const credentials = caller.sign('a', 'b', body);
    const forged = { ...credentials, peer: credentials.peer.replace('v1 a', 'v1 c') };
    const stranger = new PeerAuth('guess', clock).sign('a', 'b', body);
    for (const attempt of [
      () => callee.check(credentials, 'b', Buffer.from('other')),
      () => callee.check(forged, 'b', body),
      () => callee.check(stranger, 'b', body),
    ])
      expect(reasonOf(attempt)).toMatch('signature is wrong');
  });

  it.each([
    ['carry nothing', { peer: '', signature: '' }, 'not signed'],
    ['carry no signature', { peer: 'v1 a b 0 s 1', signature: '' }, 'not signed'],
    ['are of another version', { peer: 'v9 a b 0 s 1', signature: 'x' }, 'version'],
    ['are meant for another instance', { peer: 'v1 a c 0 s 1', signature: 'x' }, 'another instance'],
    ['name an instance that cannot be decoded', { peer: 'v1 a %E0%A4 0 s 1', signature: 'x' }, 'another instance'],
    ['name no time', { peer: 'v1 a b when s 1', signature: 'x' }, 'time'],
  ])('are refused before their body is there if they %s', (_, credentials, reason) => {
    expect(reasonOf(() => callee.admit(credentials, 'b'))).toMatch(reason);
  });

  it('are refused if they are older or younger than 30 s', async () => {
    const credentials = caller.sign('a', 'b', body);
    await clock.advance(30_000);
    expect(reasonOf(() => callee.admit(credentials, 'b'))).toBe('taken');
    await clock.advance(1);
    expect(reasonOf(() => callee.admit(credentials, 'b'))).toMatch('time');
    expect(reasonOf(() => callee.check(credentials, 'b', body))).toMatch('time');
  });

  it('have answers that belong to them alone', () => {
    const first = caller.sign('a', 'b', body);
    const second = caller.sign('a', 'b', body);
    const signature = callee.signAnswer(first, 200, body);
    expect(caller.isAnswer(first, 200, body, signature)).toBe(true);
    expect(caller.isAnswer(second, 200, body, signature)).toBe(false);
    expect(caller.isAnswer(first, 503, body, signature)).toBe(false);
    expect(caller.isAnswer(first, 200, body, undefined)).toBe(false);
  });
});
