// Sends what fast-check makes of the parameters of each feed in the OpenAPI document of an app, good and bad. An answer has a status and a content type
// that the document names; a refusal says in its body what it is, and an accepted request becomes a feed, which is left at its first event.
import assert from 'node:assert/strict';
import fc from 'fast-check';

const [base, seed, examples] = process.argv.slice(2);
const KEYS = ['acc-0001', 'a/b', '', '%', '.', 'ä€', '\u0000', 'k'.repeat(200)];
const HOSTILE = [
  '',
  'true',
  'false',
  '0',
  '-1',
  'null',
  '[]',
  '%00',
  "'",
  '1-0',
  '1-',
  'zzzzzzzzz-zzzzzzzzzzz',
  '1-0.0.0.0.0.0.0.0.0',
];
const IN_TIME_MS = 10_000;

const document = await (await fetch(`${base}/api-json`)).json();
const feeds = Object.entries(document.paths).filter(([path]) => path.endsWith('/changes'));
assert.ok(feeds.length > 0, 'The document has no feeds.');

/** What a place of `parameter` may hold: what its schema names, what is known to hurt, and anything. */
function valueOf({ schema }) {
  return fc.oneof(
    ...(schema.enum ? [fc.constantFrom(...schema.enum)] : []),
    ...(schema.pattern ? [fc.stringMatching(new RegExp(schema.pattern))] : []),
    fc.constantFrom(...HOSTILE),
    fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => text.isWellFormed()),
  );
}

/** Requests of one operation: every known parameter or none of it, perhaps twice, perhaps an unknown one beside them, perhaps broken encoding. */
function requestsOf({ parameters }) {
  const inQuery = parameters.filter((each) => each.in === 'query');
  const pair = fc.oneof(
    ...inQuery.map((each) => fc.tuple(fc.constant(each.name), valueOf(each))),
    fc.tuple(fc.constantFrom('key', 'where', '__proto__', ''), fc.string()),
  );
  const headers = parameters.filter((each) => each.in === 'header');
  const record = Object.fromEntries(headers.map((each) => [each.name, fc.option(valueOf(each), { nil: undefined })]));
  return fc.record({
    key: fc.oneof(
      fc.constantFrom(...KEYS),
      fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
    ),
    pairs: fc.array(pair, { maxLength: 3 }),
    suffix: fc.constantFrom('', '', '', '', '&%zz', '&&', '&='),
    headers: fc.record(record),
  });
}

function urlOf(path, { key, pairs, suffix }) {
  const query = pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
  // Clients resolve these two as relative paths, encoded or not.
  const segment = key === '.' || key === '..' ? 'dot' : encodeURIComponent(key);
  return `${base}${path.replace('{key}', segment)}?${query}${suffix}`;
}

/** What `fetch` lets go out as a header. */
const sendable = (text) => text !== undefined && /^[\t\x20-\x7e\x80-\xff]*$/.test(text);

async function firstOf(body) {
  const reader = body.getReader();
  const { done, value } = await reader.read();
  return done ? '' : new TextDecoder().decode(value);
}

const seen = new Map();

async function check(path, operation, request) {
  const url = urlOf(path, request);
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([, text]) => sendable(text)));
  const leave = new AbortController();
  const timer = setTimeout(() => leave.abort(new Error(`No answer within ${IN_TIME_MS} ms: ${url}`)), IN_TIME_MS);
  try {
    const response = await fetch(url, { headers, signal: leave.signal });
    const { status } = response;
    const what = `${status} to ${url} with ${JSON.stringify(headers)}`;
    seen.set(status, (seen.get(status) ?? 0) + 1);
    const described = operation.responses[status];
    assert.ok(described, `A status that is not described: ${what}`);
    const type = (response.headers.get('content-type') ?? '').split(';', 1)[0];
    assert.ok(type in described.content, `A content type that is not described, "${type}": ${what}`);
    if (status === 200) {
      assert.match(await firstOf(response.body), /^(id|event|data|retry|:)/, `No event: ${what}`);
      return;
    }
    const body = await response.text();
    assert.ok(status < 500 || status === 503, `A server error: ${what}: ${body}`);
    if (type !== 'application/problem+json') return;
    const problem = JSON.parse(body);
    assert.equal(problem.status, status, what);
    assert.match(problem.type, /^urn:nestjs-streams:problem:[a-z-]+$/, what);
  } finally {
    clearTimeout(timer);
    leave.abort();
  }
}

for (const [path, { get }] of feeds)
  await fc.assert(
    fc.asyncProperty(requestsOf(get), (request) => check(path, get, request)),
    { seed: Number(seed), numRuns: Number(examples) },
  );
assert.ok(seen.has(200) && seen.has(400), 'Neither all nor none of the requests should have been refused.');
const counts = [...seen].sort(([a], [b]) => a - b).map(([status, count]) => `${count} times ${status}`);
console.log(`fuzz: ${feeds.length} feeds answered ${counts.join(', ')}`);
