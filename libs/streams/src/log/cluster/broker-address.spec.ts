import { describe, expect, it } from 'vitest';
import { brokerName, parseBrokerAddress } from './broker-address.js';

describe('the address of a broker', () => {
  it.each([
    ['kafka-0.example:9092', 'kafka-0.example', 9092],
    ['10.0.0.7:19092', '10.0.0.7', 19_092],
    ['[::1]:9092', '::1', 9092],
    ['[fe80::1:2]:1', 'fe80::1:2', 1],
  ])('%s has a host that sockets understand', (text, host, port) => {
    expect(parseBrokerAddress(text)).toEqual({ host, port });
    expect(brokerName({ host, port })).toBe(text);
  });
});
