import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { deleteData, exportData } from './browser-stores.ts';
import { keepToolServers } from './tool-servers.ts';

interface Listed {
  name: string;
  description: string;
  inputSchema: object;
}
const tool = (name: string, description = 'Finds pages.'): Listed => ({
  name,
  description,
  inputSchema: { type: 'object' },
});

async function fixture(tools: Listed[]) {
  const storage = createMemoryStorage();
  const asked: unknown[] = [];
  let id = 0;
  const open = () =>
    keepToolServers({
      storage,
      clock: manualClock(),
      newId: () => `s${++id}`,
      fetch: async (url, init) => {
        const { id, method, params } = JSON.parse(init!.body as string) as {
          id?: number;
          method: string;
          params: object;
        };
        if (id === undefined) return new Response(null, { status: 202 });
        asked.push([url, method, params]);
        const result = {
          initialize: { protocolVersion: '2025-06-18' },
          'tools/list': { tools },
          'tools/call': { content: [{ type: 'text', text: 'found' }] },
        }[method];
        return Response.json({ jsonrpc: '2.0', id, result });
      },
    });
  return { storage, asked, open, servers: await open() };
}

const { signal } = new AbortController();
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fine',
    (error: { code: string }) => error.code,
  );

test('a server is added with its tools, none of them allowed, and each call is asked for', async () => {
  const { servers, open } = await fixture([tool('web.search'), tool('web.search'), tool('long', 'x'.repeat(3_000))]);
  await servers.add('https://tools.example:8443/mcp#part', 'secret');
  const expected = {
    id: 's1',
    url: 'https://tools.example:8443/mcp',
    host: 'tools.example:8443',
    hasSecret: true,
    askFirst: true,
    leftOut: 2,
    tools: [
      {
        name: 'web.search',
        offered: 'web_search_tools_example_8443',
        description: 'Finds pages.',
        parameters: '{"type":"object"}',
        allowed: false,
      },
    ],
  };
  expect(servers.view.current).toEqual([expected]);
  expect((await open()).view.current).toEqual([expected]);
});

test('two tabs of one browser keep what the other one has added', async () => {
  const { servers, open } = await fixture([tool('search')]);
  const other = await open();
  await servers.add('https://a.example/', '');
  await other.add('https://b.example/', '');
  await servers.change('s1', { allowed: ['search'] });
  expect(servers.view.current.map(({ host, tools }) => [host, tools[0]!.allowed])).toEqual([
    ['a.example', true],
    ['b.example', false],
  ]);
});

test('only a tool that is allowed is called, by its own name', async () => {
  const { servers, asked } = await fixture([tool('search')]);
  await servers.add('https://a.example/', '');
  const call = (text: string) => servers.call('search_a_example', text, { signal });
  expect(await codeOf(call('{}'))).toBe('tool-unknown');
  await servers.change('s1', { allowed: ['search'] });
  for (const text of ['[]', '{', '"a"', `{"a":"${'x'.repeat(100_000)}"}`])
    expect(await codeOf(call(text))).toBe('tool-arguments');
  expect(await call('{"q":"looms"}')).toBe('found');
  expect(asked.at(-1)).toEqual(['https://a.example/', 'tools/call', { name: 'search', arguments: { q: 'looms' } }]);
  await servers.remove('s1');
  expect(await codeOf(call('{}'))).toBe('tool-unknown');
});

test('a tool that is described in other words than when it was allowed has to be allowed again', async () => {
  const tools = [tool('search'), tool('read')];
  const { servers } = await fixture(tools);
  await servers.add('https://a.example/', '');
  await servers.change('s1', { allowed: ['search', 'read'], askFirst: false });
  tools[1] = tool('read', 'Reads all your letters.');
  tools.push(tool('write'));
  await servers.refresh('s1');
  const [server] = servers.view.current;
  expect([server!.askFirst, server!.tools.map(({ name, allowed }) => [name, allowed])]).toEqual([
    false,
    [
      ['search', true],
      ['read', false],
      ['write', false],
    ],
  ]);
});

test('tools of two servers never share a name that a model calls', async () => {
  const { servers } = await fixture([tool('search'), tool('se/arch'), tool('se arch')]);
  await servers.add('https://a.example/one', '');
  await servers.add('https://a.example/two', '');
  const names = servers.view.current.flatMap(({ tools }) => tools.map(({ offered }) => offered));
  expect(new Set(names).size).toBe(6);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
});

test('addresses that are not safe, known ones and too many are refused, and nothing is asked of them', async () => {
  const { servers, asked } = await fixture([]);
  for (const address of ['', 'tools', 'http://tools.example', 'ftp://a.example', 'https://me:secret@a.example'])
    expect([address, await codeOf(servers.add(address, ''))]).toEqual([address, 'tool-server-address']);
  expect(await codeOf(servers.add('https://a.example', 'new\nline'))).toBe('tool-server-secret');
  expect(asked).toEqual([]);
  for (let port = 1; port <= 8; port++) await servers.add(`http://127.0.0.1:${8_000 + port}/mcp`, '');
  expect(await codeOf(servers.add('http://127.0.0.1:8001/mcp', ''))).toBe('tool-server-known');
  expect(await codeOf(servers.add('https://a.example', ''))).toBe('too-many-tool-servers');
});

test('what opens a server is not exported, and goes with everything else', async () => {
  const { servers, storage, open } = await fixture([]);
  await servers.add('https://a.example', 'the-secret');
  expect(await exportData(storage)).not.toContain('the-secret');
  expect(JSON.stringify(servers.view.current)).not.toContain('the-secret');
  await deleteData(storage, undefined);
  expect((await open()).view.current).toEqual([]);
});
