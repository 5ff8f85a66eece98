import { describe, expect, it } from 'vitest';
import { clientOfAddress } from './client-address.js';
import { RequestLimits } from './request-limits.js';
import type { QueryRequest } from '../answer/http-answer.js';

describe('the client behind an address', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:a00:1', '10.0.0.1'],
    ['0:0:0:0:0:ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['64:ff9b::10.0.0.1', '64:ff9b:0:0::/64'],
    ['', ''],
    ['unix:', 'unix:'],
  ])('of %j is %j', (address, client) => {
    expect(clientOfAddress(address)).toBe(client);
  });

  it('shares the places of its network, where nothing else names clients', () => {
    const limits = new RequestLimits({ maxStreams: 4 });
    const clients = ['2001:db8::1', '2001:db8::ffff:2'].map((ip) => limits.clientOf({ ip } as QueryRequest));
    expect(clients[0]).toBe(clients[1]);
    expect(limits.clientOf({ ip: '::ffff:10.0.0.1' } as QueryRequest)).toBe('10.0.0.1');
  });
});
