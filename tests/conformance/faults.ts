import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { rawRequest } from '../integration/relay/http.ts';
import type { Result } from './matrix.ts';
import { runCell } from './matrix.ts';
import { question } from './subjects.ts';
import { appOrigins, type World } from './world.ts';

const bodyOf = ({ model }: World, more: object = {}) => ({
  model,
  messages: [{ role: 'user', content: question }],
  max_tokens: 8,
  ...more,
});

const post = ({ baseUrl }: World, body: BodyInit, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });

const ask = (world: World, more: object = {}, headers: Readonly<Record<string, string>> = {}) =>
  post(world, JSON.stringify(bodyOf(world, more)), headers);

async function assertError(response: Response, status: number, code: string, param?: string): Promise<string> {
  const { error } = (await response.json()) as { error: { code: string; param: string | null; message: string } };
  assert.deepEqual([response.status, error.code, param ?? error.param], [status, code, error.param]);
  return error.message;
}

/** Sends bytes as they are, closes its own half, and reads what comes until the other side closes. */
function exchange({ url }: World, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) }, () => socket.end(bytes));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

function rawPost(world: World, headers: readonly string[], more: object = {}): string {
  const body = JSON.stringify(bodyOf(world, more));
  const lines = [
    'POST /v1/chat/completions HTTP/1.1',
    `Host: ${new URL(world.url).host}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** What programs without an OpenAI client do, and what once failed them. */
const faults: Readonly<Record<string, (world: World) => Promise<void>>> = {
  async 'an offer to upgrade to HTTP/2, as Java and curl --http2 make it, is answered in HTTP/1.1'(world) {
    const offer = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'];
    assert.match(await exchange(world, rawPost(world, offer)), /(^|\r\n\r\n)HTTP\/1\.1 200 [^]*"chat\.completion"/);
  },
  async 'a client that closes its own half gets its answer'(world) {
    assert.match(
      await exchange(world, rawPost(world, ['Connection: close'])),
      /(^|\r\n\r\n)HTTP\/1\.1 200 [^]*"chat\.completion"/,
    );
  },
  async 'a demand that cannot be met is refused with its member'(world) {
    await assertError(await ask(world, { tool_choice: 'required' }), 400, 'bad_request', 'tool_choice');
    await assertError(await ask(world, { web_search_options: {} }), 400, 'bad_request', 'web_search_options');
    await assertError(await ask(world, { n: 2 }), 400, 'bad_request', 'n');
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD' } };
    const messages = [{ role: 'user', content: [image] }];
    await assertError(await ask(world, { messages }), 400, 'feature_unavailable', 'messages');
  },
  async 'a conversation past the context is refused in OpenAI’s words, however it is cut'(world) {
    const one = [{ role: 'user', content: 'one two three '.repeat(2_000) }];
    const many = Array.from({ length: 400 }, () => ({
      role: 'user',
      content: 'one two three four five six seven '.repeat(2),
    }));
    for (const messages of [one, many]) {
      for (const stream of [false, true]) {
        const message = await assertError(await ask(world, { messages, stream }), 400, 'context_length_exceeded');
        assert.match(message, /maximum context length is 4096 tokens/);
      }
    }
  },
  async 'a base URL without /v1, or with a slash too many, leads to the API'({ url }) {
    for (const path of ['/models', '//models', '/v1/models/', '//v1/models', '/v1/v1/models']) {
      const response = await fetch(`${url}${path}`, { headers: { authorization: 'Bearer x' } });
      assert.equal(((await response.json()) as { object: string }).object, 'list', path);
    }
  },
  async 'an API path that does not exist is 404 in JSON'({ url }) {
    for (const path of ['/v1/nothing', '/v1', '/docs', '/api/tags', '/chat/nothing']) {
      const response = await fetch(`${url}${path}`, { headers: { accept: 'application/json' } });
      await assertError(response, 404, 'not_found');
    }
  },
  async 'apps and extensions may read answers, and send the headers of every client'({ url }) {
    const wanted = 'authorization,content-type,x-api-key,api-key,http-referer,x-title,x-stainless-retry-count';
    for (const origin of appOrigins) {
      const preflight = await fetch(`${url}/v1/chat/completions`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': wanted },
      });
      assert.equal(preflight.status, 204, origin);
      const allowed = preflight.headers.get('access-control-allow-headers') ?? '';
      assert.deepEqual(allowed.split(', ').sort(), wanted.split(',').sort());
      const { headers } = await fetch(`${url}/v1/models`, { headers: { origin } });
      assert.equal(headers.get('access-control-allow-origin'), origin);
    }
    const foreign = await fetch(`${url}/v1/models`, { headers: { origin: 'https://evil.example' } });
    await assertError(foreign, 403, 'origin_not_allowed');
  },
  async 'Retry-After is what the queue says'(world) {
    const release = await world.fill();
    const response = await ask(world, { model: world.slowModel });
    await release();
    const message = await assertError(response, 429, 'busy');
    assert.equal(response.headers.get('retry-after'), /Try again in (\d+) s/.exec(message)?.[1]);
  },
  async 'bodies in gzip are read, and text that is not UTF-8 is refused'(world) {
    const packed = gzipSync(JSON.stringify(bodyOf(world)));
    assert.equal((await post(world, packed, { 'content-encoding': 'gzip' })).status, 200);
    const latin = Buffer.from(JSON.stringify(bodyOf(world, { user: 'é' })), 'latin1');
    await assertError(await post(world, latin), 400, 'bad_encoding');
    const charset = { 'content-type': 'application/json; charset=iso-8859-1' };
    await assertError(await ask(world, {}, charset), 400, 'bad_encoding');
  },
  async 'a limit of -1 or null is none, and a fifth stop sequence is refused by name'(world) {
    for (const max_tokens of [-1, null]) assert.equal((await ask(world, { max_tokens })).status, 200);
    const message = await assertError(
      await ask(world, { stop: ['a', 'b', 'c', 'd', 'e'] }),
      400,
      'bad_request',
      'stop',
    );
    assert.match(message, /at most 4/);
  },
  async 'headers that are too large are refused with an OpenAI error'({ url }) {
    const { status, body } = await rawRequest(url, { headers: { cookie: 'x'.repeat(20_000) } });
    assert.deepEqual([status, JSON.parse(body).error.code], [431, 'headers_too_large']);
  },
  async 'a stream begins with data, ends with [DONE], and is text/event-stream'(world) {
    const response = await ask(world, { stream: true });
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
    const text = await response.text();
    assert.match(text, /^data: \{/);
    assert.ok(text.endsWith('data: [DONE]\n\n'));
  },
  async 'an answer under an Idempotency-Key is given twice and made once'(world) {
    const key = { 'idempotency-key': crypto.randomUUID() };
    const [first, second] = [await ask(world, {}, key), await ask(world, {}, key)];
    assert.deepEqual(await first.json(), await second.json());
  },
};

export async function tryFaults(world: World): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const [name, check] of Object.entries(faults)) results.push(await runCell('raw HTTP', name, check, world));
  return results;
}
