import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createMcpClient } from './mcp-client.ts';

interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly id?: number; readonly method: string; readonly params?: object };
  readonly init: RequestInit;
}
type Answer = (sent: Sent) => Response | Promise<Response>;

const json = (sent: Sent, result: unknown, headers: Readonly<Record<string, string>> = {}) =>
  Response.json({ jsonrpc: '2.0', id: sent.body.id, result }, { headers });
const events = (text: string) => new Response(text, { headers: { 'content-type': 'text/event-stream' } });
const opened: Answer = (sent) =>
  sent.body.method === 'initialize'
    ? json(sent, { protocolVersion: '2025-06-18', capabilities: {} }, { 'mcp-session-id': 's1' })
    : new Response(null, { status: 202 });

function server(answer: Answer, secret = '') {
  const sent: Sent[] = [];
  const clock = manualClock();
  const client = createMcpClient(
    { url: 'https://tools.example/mcp', secret },
    {
      clock,
      fetch: async (_, init) => {
        const one = { init: init!, headers: init!.headers as Sent['headers'], body: JSON.parse(init!.body as string) };
        sent.push(one);
        return one.body.method.startsWith('tools/') ? answer(one) : opened(one);
      },
    },
  );
  return { client, sent, clock };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fine',
    (error: { code: string }) => error.code,
  );

test('a session is opened once, says who is asking to nobody else, and follows nothing', async () => {
  const { client, sent } = server((one) => json(one, { content: [{ type: 'text', text: 'found' }] }), 'secret');
  expect(await client.call('search', { q: 1 })).toBe('found');
  expect(await client.call('search', { q: 2 })).toBe('found');
  expect(sent.map(({ body }) => body.method)).toEqual([
    'initialize',
    'notifications/initialized',
    'tools/call',
    'tools/call',
  ]);
  expect(sent[2]!.headers).toMatchObject({
    authorization: 'Bearer secret',
    'mcp-session-id': 's1',
    'mcp-protocol-version': '2025-06-18',
  });
  expect(sent[2]!.init).toMatchObject({ redirect: 'manual', credentials: 'omit', referrerPolicy: 'no-referrer' });
  const named = server((one) => json(one, {}), 'X-Key: abc');
  await named.client.call('a', {});
  expect(named.sent[0]!.headers).toMatchObject({ 'x-key': 'abc' });
});

test('tools are listed over pages; an answer may come among other events, in pieces', async () => {
  const tool = { name: 'a', description: 'b', inputSchema: { type: 'object' } };
  const { client } = server((one) => {
    const { cursor } = (one.body.params ?? {}) as { cursor?: string };
    if (cursor === undefined) return json(one, { tools: [tool], nextCursor: 'more' });
    const answer = JSON.stringify({ jsonrpc: '2.0', id: one.body.id, result: { tools: [{ ...tool, name: 'c' }] } });
    const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    return events(`: hello\n\ndata: ${ping}\r\n\r\nevent: message\ndata: ${answer}\n\n`);
  });
  expect((await client.list()).map(({ name }) => name)).toEqual(['a', 'c']);
});

test('what a tool fails with is told to the model, and ends no session', async () => {
  const answers: Answer[] = [
    (one) => json(one, { content: [{ type: 'text', text: 'no such city' }], isError: true }),
    (one) => Response.json({ jsonrpc: '2.0', id: one.body.id, error: { code: -32602, message: 'bad input' } }),
    (one) => json(one, { content: [], structuredContent: { sum: 4 } }),
    (one) =>
      json(one, {
        content: [
          { type: 'image', data: 'AAAA' },
          { type: 'resource', resource: { text: 'r' } },
        ],
      }),
  ];
  const { client, sent } = server((one) => answers.shift()!(one));
  await expect(client.call('a', {})).rejects.toMatchObject({ code: 'tool-call-failed', message: 'no such city' });
  await expect(client.call('a', {})).rejects.toMatchObject({ code: 'tool-call-failed', message: 'bad input' });
  expect(await client.call('a', {})).toBe('{"sum":4}');
  expect(await client.call('a', {})).toBe('[image]\nr');
  expect(sent.filter(({ body }) => body.method === 'initialize')).toHaveLength(1);
});

test('a session that the server has forgotten is opened anew, once', async () => {
  let fails = 1;
  const gone = () => new Response('', { status: 404 });
  const { client, sent } = server((one) => (fails-- > 0 ? gone() : json(one, { content: [] })));
  // The first session was never known: that is an error, and no reason to try again.
  expect(await codeOf(client.call('a', {}))).toBe('tool-server-failed');
  expect(await codeOf(client.call('a', {}))).toBe('fine');
  fails = 1;
  expect(await codeOf(client.call('a', {}))).toBe('fine');
  fails = 9;
  expect(await codeOf(client.call('a', {}))).toBe('tool-server-failed');
  expect(sent.filter(({ body }) => body.method === 'initialize')).toHaveLength(4);
});

test.each<[string, Answer]>([
  ['unreachable', () => Promise.reject(new TypeError('fetch failed'))],
  ['redirects', () => new Response(null, { status: 307, headers: { location: 'https://elsewhere.example' } })],
  ['refused', () => new Response('', { status: 401 })],
  ['failed', () => new Response('', { status: 500 })],
  ['bad', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ['bad', () => Response.json('hello')],
  ['bad', () => Response.json({ jsonrpc: '2.0', id: 99, result: {} })],
  ['bad', (one) => json(one, { content: 'text' })],
  ['bad', () => events('data: {"jsonrpc":\n\n')],
  ['bad', () => events('data: {"method":"ping"}\n\n')],
  [
    'unreachable',
    () =>
      new Response(new ReadableStream({ pull: (stream) => stream.error(new TypeError('terminated')) }), {
        headers: { 'content-type': 'text/event-stream' },
      }),
  ],
  ['flood', (one) => json(one, { content: [{ type: 'text', text: 'x'.repeat(1024 * 1024) }] })],
  [
    'flood',
    () => {
      const more = new TextEncoder().encode(`: ${'x'.repeat(65_536)}\n\n`);
      return new Response(new ReadableStream({ pull: (stream) => stream.enqueue(more) }), {
        headers: { 'content-type': 'text/event-stream' },
      });
    },
  ],
])('a server that lies, fails, floods or leads elsewhere is told by a code: %s', async (code, answer) => {
  const { client } = server(answer);
  expect(await codeOf(client.call('a', {}))).toBe(`tool-server-${code}`);
});

test('a server that hangs is given up, and what is stopped ends at once', async () => {
  const hang: Answer = ({ init: { signal } }) =>
    new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error)));
  const slow = server(hang);
  const given = codeOf(slow.client.call('a', {}));
  await slow.clock.advance(60_000);
  expect(await given).toBe('tool-server-slow');
  const stopped = server(hang);
  const stop = new AbortController();
  const asked = codeOf(stopped.client.call('a', {}, stop.signal));
  await stopped.clock.advance(1);
  stop.abort();
  expect(await asked).toBe('aborted');
});

test('a list without an end is a flood', async () => {
  const { client } = server((one) => json(one, { tools: [], nextCursor: 'more' }));
  expect(await codeOf(client.list())).toBe('tool-server-flood');
});
