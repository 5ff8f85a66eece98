import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { PEER_PATH } from '../../libs/streams/src/query/peers/peer.js';
import { QueryCluster } from './support/query-cluster.js';
import { StreamsApps } from './support/streams-app.js';

const run = promisify(execFile);

/** A certificate authority, and a certificate of 127.0.0.1 that it has signed. */
async function certificates(
  folder: string,
): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
  const at = (name: string): string => join(folder, name);
  const made = ['-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  await run('openssl', [
    'req',
    '-x509',
    ...made,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
    '-subj',
    '/CN=ca',
    '-days',
    '2',
  ]);
  await run('openssl', ['req', ...made, '-keyout', at('key'), '-out', at('csr'), '-subj', '/CN=instance']);
  await writeFile(at('ext'), 'subjectAltName=IP:127.0.0.1');
  const signing = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('ext'), '-days', '2'];
  await run('openssl', ['x509', '-req', '-in', at('csr'), '-out', at('crt'), ...signing]);
  const [ca, cert, key] = await Promise.all(['ca.crt', 'crt', 'key'].map((name) => readFile(at(name), 'utf8')));
  return { ca, cert, key };
}

describe('calls between instances with client certificates', () => {
  const apps = new StreamsApps();

  it('need no secret, and are refused without a certificate', async () => {
    const { ca, cert, key } = await certificates(apps.folder());
    const cluster = await QueryCluster.open(apps);
    const https = { ca, cert, key, requestCert: true, rejectUnauthorized: false };
    const options = { peers: { tls: { ca, cert, key }, heartbeatInterval: 100 } };
    const [a, b] = await cluster.startAll({ instanceId: 'a', https, options }, { instanceId: 'b', https, options });
    await cluster.put([
      ['k1', { n: 1 }],
      ['k2', { n: 2 }],
      ['k3', { n: 3 }],
      ['k4', { n: 4 }],
      ['k5', { n: 5 }],
    ]);
    await cluster.processed();
    const ask = async (
      url: string,
      method = 'GET',
      identity: object = {},
    ): Promise<{ status?: number; text: string }> => {
      const sent = request(url.replace('http:', 'https:'), { method, ca, ...identity });
      sent.end();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      let text = '';
      for await (const chunk of response) text += String(chunk);
      return { status: response.statusCode, text };
    };
    for (const { url } of [a, b])
      for (const key of ['k1', 'k2', 'k3', 'k4', 'k5'])
        expect(await ask(`${url}/stores/items/entries/${key}`)).toEqual({ status: 200, text: `{"n":${key.slice(1)}}` });
    expect((await ask(`${a.url}${PEER_PATH}`, 'POST')).status).toBe(401);
    expect((await ask(`${a.url}${PEER_PATH}`, 'POST', { cert, key })).status).toBe(400);
  });
});
