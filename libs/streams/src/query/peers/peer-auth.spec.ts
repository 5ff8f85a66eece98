import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { PeerAuth, type PeerCredentials } from './peer-auth.js';

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

  const check = ({ peer, signature }: PeerCredentials, to: string, sent = body): string => {
    callee.checkSignature({ peer, signature });
    const call = callee.read({ peer, signature }, to);
    callee.checkBody(call, sent);
    return call.from;
  };

  it('are accepted from a holder of the secret, also when they are repeated', () => {
    const credentials = caller.sign('a b', 'b/1', body);
    expect(check(credentials, 'b/1')).toBe('a b');
    expect(check(credentials, 'b/1')).toBe('a b');
  });

  it('are refused with another body, another caller or another secret', () => {
    const credentials = caller.sign('a', 'b', body);
    const forged = { ...credentials, peer: credentials.peer.replace('v2 a', 'v2 c') };
    const stranger = new PeerAuth('guess', clock).sign('a', 'b', body);
    expect(reasonOf(() => check(credentials, 'b', Buffer.from('bodY')))).toMatch('body is not the one');
    expect(reasonOf(() => callee.checkSignature(forged))).toMatch('signature is wrong');
    expect(reasonOf(() => callee.checkSignature(stranger))).toMatch('signature is wrong');
  });

  it.each([
    ['nothing', { peer: '', signature: '' }, 'not signed'],
    ['no signature', { peer: 'v2 a b 0 4 hash id', signature: '' }, 'not signed'],
    ['the signature of an earlier release', { peer: 'v1 a b 0 s 1', signature: 'x' }, 'signed by another release'],
    ['a guess', { peer: 'v2 a b 0 4 hash id', signature: 'x' }, 'signature is wrong'],
  ])('are refused by their head if they carry %s', (_, credentials, reason) => {
    expect(reasonOf(() => callee.checkSignature(credentials))).toMatch(reason);
  });

  it('are refused at another instance', () => {
    expect(reasonOf(() => check(caller.sign('a', 'c', body), 'b'))).toMatch('another instance');
  });

  it.each([-1, 1])('are refused 30 s away in either direction, naming the clocks: %i', async (direction) => {
    const other = new ManualClock();
    other.now = () => clock.now() + direction * 30_000;
    expect(check(new PeerAuth('secret', other).sign('a', 'b', body), 'b')).toBe('a');
    other.now = () => clock.now() + direction * 31_000;
    expect(reasonOf(() => check(new PeerAuth('secret', other).sign('a', 'b', body), 'b'))).toBe(
      `The call between instances is refused: it was signed 31 s ${direction < 0 ? 'ago' : 'in the future'} by the clock of "b", and 30 s are allowed. Set the clocks of both instances.`,
    );
  });

  it('are accepted at once after a clock was set back', () => {
    const other = new ManualClock();
    other.now = () => clock.now();
    const set = new PeerAuth('secret', other);
    const before = set.sign('a', 'b', body);
    set.checkSignature(before);
    set.read(before, 'b');
    other.now = () => clock.now() - 3_600_000;
    const after = set.sign('a', 'b', body);
    set.checkSignature(after);
    expect(set.read(after, 'b').from).toBe('a');
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
