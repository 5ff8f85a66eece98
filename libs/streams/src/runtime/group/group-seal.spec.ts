import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import type { TaskOwner } from '../assignment/user-data.js';
import { GroupSeal } from './group-seal.js';

const clock = new ManualClock();
const warnings: string[] = [];
const none = (): void => undefined;
const logger = { debug: none, info: none, warn: (text: string) => void warnings.push(text), error: none };
const seal = (
  instanceId: string,
  secret: string | undefined = 'the secret of the peers',
  applicationId = 'app',
): GroupSeal => new GroupSeal({ applicationId, instanceId, secret, clock, logger });
const open = new GroupSeal({ applicationId: 'app', instanceId: 'a', secret: undefined, clock, logger });

describe('what members tell their group', () => {
  it('is warned of once for each instance whose address is not believed', () => {
    const before = warnings.length;
    const own = seal('b');
    const foreign = seal('a', 'another secret').sealAddress('http://a:3000');
    expect([own.openAddress('a', foreign), own.openAddress('a', foreign)]).toEqual([undefined, undefined]);
    expect(own.openAddress('c', 'http://c:3000')).toBeUndefined();
    expect(warnings.slice(before)).toEqual([
      expect.stringContaining('"a" is not signed'),
      expect.stringContaining('"c" is not signed'),
    ]);
  });

  it('is believed where the secret signed it', () => {
    expect(seal('b').openAddress('a', seal('a').sealAddress('http://a:3000/base/'))).toBe('http://a:3000/base');
    expect(seal('b').openReason(seal('a').sealReason('a b\nc'))).toBe('a b\nc');
    expect(seal('b').sealAddress(undefined)).toBeUndefined();
    expect(seal('b').sealReason(undefined)).toBeUndefined();
  });

  it.each<[string, string | undefined]>([
    ['is not signed', 'http://a:3000'],
    ['is signed with another secret', seal('a', 'another secret').sealAddress('http://a:3000')],
    ['is signed for another application', seal('a', undefined, 'b').sealAddress('http://a:3000')],
    ['is that of another instance', seal('c').sealAddress('http://a:3000')],
    ['was changed', seal('a').sealAddress('http://a:3000')!.replace('//a', '//b')],
    ['is absent', undefined],
  ])('has no address that %s', (_, sealed) => {
    expect(seal('b').openAddress('a', sealed)).toBeUndefined();
  });

  it.each(['http://a:3000?x=1', 'http://a:3000#x', 'ftp://a', 'http://user:pw@a', 'http:\\\\a', 'a', '', ' '])(
    'has no address of the form "%s", with and without a secret',
    (url) => {
      expect(open.openAddress('a', url)).toBeUndefined();
      expect(open.openAddress('a', `${url} x`)).toBeUndefined();
      expect(seal('a').sealAddress(url)).toBeUndefined();
    },
  );

  it('stops nobody unless it is signed, and was so lately', async () => {
    for (const text of ['stop', '1 x stop', seal('a', 'another secret').sealReason('stop')])
      expect(seal('b').openReason(text)).toBeUndefined();
    const sealed = seal('a').sealReason('stop')!;
    expect(seal('b').openReason(`${sealed}!`)).toBeUndefined();
    await clock.advance(600_000);
    expect(seal('b').openReason(sealed)).toBe('stop');
    await clock.advance(1);
    expect(seal('b').openReason(sealed)).toBeUndefined();
  });

  it('is believed without a secret if it is well formed', () => {
    expect(open.openAddress('b', 'http://b:3000/')).toBe('http://b:3000');
    expect(open.openReason('stop')).toBe('stop');
  });

  it('names owners and neighbours whose addresses are unknown, without them', () => {
    const [good, bad]: TaskOwner[] = [
      { instanceId: 'a', url: seal('a').sealAddress('http://a') },
      { instanceId: 'x', url: 'http://x' },
    ];
    const owners = seal('b').openOwners(new Map([['0_0', good] as const, ['0_1', bad] as const]));
    expect([...(owners ?? [])]).toEqual([
      ['0_0', { instanceId: 'a', url: 'http://a' }],
      ['0_1', { instanceId: 'x', url: undefined }],
    ]);
    expect(seal('b').openOwners(undefined)).toBeUndefined();
    const neighbours = new Map([
      ['a', good.url!],
      ['x', bad.url!],
    ]);
    expect([...seal('b').openNeighbours(neighbours)]).toEqual([['a', 'http://a']]);
  });
});
