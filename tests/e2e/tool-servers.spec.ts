import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { startRelay, type RelayProcess } from '../fixtures/relay-process.ts';
import { answers, send, untilIdle, visit } from './fixtures/people.ts';
import { expectClean } from './fixtures/looks.ts';
import { expect, test } from './fixtures/test.ts';

const program = fileURLToPath(new URL('./fixtures/tool-server.process.ts', import.meta.url));

let tools: ChildProcess;
let origin: string;
let model: Server;
let relay: RelayProcess;

/** A model that calls the first tool it is offered, and then says what came of it. */
async function startModel(): Promise<string> {
  model = createServer(async (request, response) => {
    if (request.url?.endsWith('/models')) return void response.end('{"object":"list","data":[{"id":"caller"}]}');
    let body = '';
    for await (const piece of request) body += String(piece);
    const { messages = [], tools: offered = [] } = JSON.parse(body || '{}') as {
      messages?: { role: string; content: string }[];
      tools?: { function: { name: string } }[];
    };
    const last = messages.at(-1);
    const call = { name: offered[0]?.function.name, arguments: '{"query":"loom"}' };
    const delta =
      last?.role === 'tool' || !call.name
        ? { content: `I heard: ${last?.content}` }
        : { tool_calls: [{ index: 0, id: 'c1', type: 'function', function: call }] };
    const finish = 'content' in delta ? 'stop' : 'tool_calls';
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const chunk = (choice: object) =>
      response.write(
        `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', model: 'caller', choices: [{ index: 0, ...choice }] })}\n\n`,
      );
    chunk({ delta: { role: 'assistant', ...delta }, finish_reason: null });
    chunk({ delta: {}, finish_reason: finish });
    response.end('data: [DONE]\n\n');
  });
  model.listen(0, '127.0.0.1');
  await once(model, 'listening');
  return `http://127.0.0.1:${(model.address() as AddressInfo).port}`;
}

test.beforeAll(async () => {
  tools = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(tools.stdout!, 'data')) as [Buffer];
  origin = `http://127.0.0.1:${port.toString().trim()}`;
  const env = { NATIVE_SERVER: await startModel(), NATIVE_MODELS: 'caller', NATIVE_FEATURES: 'tools' };
  relay = await startRelay({ native: 'with-native', env });
});
test.afterAll(async () => {
  await relay?.dispose();
  model?.close();
  tools?.kill();
});

test('a tool server is added, its tools allowed one by one, and each call is asked for, shown, and can be refused', async ({
  newProfile,
  keep,
}) => {
  const page = await newProfile();
  await page.goto(`${relay.url}/settings`);
  const section = page.getByRole('region', { name: 'Tool servers' });
  const add = async (address: string, token = '') => {
    await section.getByLabel('Address').fill(address);
    await section.getByLabel('Token, if it takes one').fill(token);
    await section.getByRole('button', { name: 'Add the server' }).click();
  };
  for (const [path, code] of [
    ['/elsewhere', 'tool-server-redirects'],
    ['/flood', 'tool-server-flood'],
    ['/page', 'tool-server-bad'],
    ['/mcp', 'tool-server-refused'],
  ] as const) {
    await add(origin + path);
    await expect(section.getByRole('alert'), path).toContainText(code);
  }
  await add(`${origin}/mcp`, 'open-sesame');
  const server = section.getByRole('group', { name: new URL(origin).host });
  await server.getByRole('checkbox', { name: /^search/ }).click();
  await expect(server.getByRole('checkbox', { name: /^search/ })).toBeChecked();
  await expect(server.getByRole('checkbox', { name: /^sell/ })).not.toBeChecked();
  await expectClean(page, 'tool servers');
  await keep(page, 'settings-tool-servers');

  await visit(page, 'Chat');
  await page.getByRole('button', { name: 'Instructions and parameters' }).click();
  await page.getByRole('checkbox', { name: /1 tool allowed/ }).click();
  await expectClean(page, 'tools of a server in a conversation');
  await page.getByRole('button', { name: 'Done' }).click();
  await send(page, 'Where is it?');
  const question = page.getByRole('alertdialog');
  await expect(question).toContainText('{"query":"loom"}');
  await expectClean(page, 'a call that is asked for');
  await keep(page, 'chat-call-asked');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await expectClean(page, 'a call that is asked for, on a phone in the dark');
  await keep(page, 'chat-call-asked-390-dark');
  await page.setViewportSize({ width: 1440, height: 900 });
  await question.getByRole('button', { name: 'Allow this call' }).click();
  await untilIdle(page);
  await expect(answers(page).last()).toContainText('Found for "loom": the loom stands in Oslo.');

  await send(page, 'And now?');
  await question.getByRole('button', { name: 'Refuse' }).click();
  await untilIdle(page);
  await expect(answers(page).last()).toContainText('tool-call-refused');

  await send(page, 'Once more?');
  await expect(question).toBeVisible();
  await page.getByRole('button', { name: 'Stop' }).click();
  await untilIdle(page);
  await expect(question).toHaveCount(0);

  // A server that has gone away is a result that the model reads, and ends nothing else.
  tools.kill();
  await once(tools, 'exit');
  await send(page, 'Still there?');
  await question.getByRole('button', { name: 'Allow this call' }).click();
  await untilIdle(page);
  await expect(answers(page).last()).toContainText('tool-server-unreachable');
});
