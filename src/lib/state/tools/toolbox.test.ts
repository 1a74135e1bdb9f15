import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { createToolbox, toolNames, toolsFor, type RunScript } from './toolbox.ts';

const { signal } = new AbortController();
const callServer = async (name: string, text: string) => `${name} heard ${text}`;

async function result(name: string, text: string, allowed: readonly string[] = toolNames, runScript?: RunScript) {
  const toolbox = createToolbox({
    now: () => Date.UTC(2026, 10, 30, 6, 5, 4),
    zone: () => 'Europe/Berlin',
    runScript: runScript ?? (async (code) => `ran ${code}`),
    callServer,
  });
  const [only] = await toolbox.run([{ id: 'c', name, arguments: text }], allowed, { signal });
  return `${only!.outcome}: ${only!.text}`;
}

test('a tool of a server is called by the name that it was offered as, and by no other', async () => {
  expect(await result('search_example', '{"q":1}', ['search_example'])).toBe('done: search_example heard {"q":1}');
  expect(await result('search_example', '{}', ['clock'])).toContain('failed: Error (tool-unknown)');
});

test('each tool answers its call', async () => {
  expect(await result('calculator', '{"expression":"2+2"}')).toBe('done: 4');
  expect(await result('clock', '')).toBe('done: Monday, 2026-11-30T07:05:04+01:00 (Europe/Berlin)');
  expect(await result('clock', '{"timeZone":"Asia/Kolkata"}')).toBe(
    'done: Monday, 2026-11-30T11:35:04+05:30 (Asia/Kolkata)',
  );
  expect(await result('clock', '{"timeZone":"UTC"}')).toBe('done: Monday, 2026-11-30T06:05:04+00:00 (UTC)');
  expect(await result('javascript', '{"code":"1"}')).toBe('done: ran 1');
});

test('what cannot be run is told to the model with its code', async () => {
  expect(await result('calculator', '{"expression":')).toMatch(/^failed: Error \(tool-arguments\)/);
  expect(await result('calculator', '{"sum":"2"}')).toMatch(/^failed: Error \(tool-arguments\).*expression/);
  expect(await result('calculator', '{"expression":"1/0"}')).toMatch(/^failed: Error \(division-by-zero\)/);
  expect(await result('clock', '{"timeZone":"Mars/Olympus"}')).toMatch(/^failed: Error \(time-zone-unknown\)/);
  expect(await result('shell', '{}')).toMatch(/^failed: Error \(tool-unknown\).*calculator, clock, javascript/);
});

test('a tool that is off is unknown, and nothing of it runs', async () => {
  const ran: string[] = [];
  const refused = await result('javascript', '{"code":"1"}', ['calculator'], async (code) => (ran.push(code), ''));
  expect([refused.slice(0, 28), ran]).toEqual(['failed: Error (tool-unknown)', []]);
});

test('a script that fails or takes too long is a result; a long result says that it is one', async () => {
  const slow = () => Promise.reject(new TabloomError('script-too-slow', 'It ran for 2 s.'));
  expect(await result('javascript', '{"code":"1"}', toolNames, slow)).toBe(
    'failed: Error (script-too-slow): It ran for 2 s.',
  );
  const long = await result('javascript', '{"code":"1"}', toolNames, async () => 'x'.repeat(9_000));
  expect(long).toMatch(/x\n\[The first 8000 of 9000 characters\.\]$/);
});

test('stopping is no result', async () => {
  const stopped = new AbortController();
  const toolbox = createToolbox({
    now: () => 0,
    zone: () => 'UTC',
    callServer,
    runScript: async () => {
      stopped.abort();
      throw new Error('gone');
    },
  });
  const call = { id: 'c', name: 'javascript', arguments: '{"code":""}' };
  await expect(toolbox.run([call], toolNames, { signal: stopped.signal })).rejects.toMatchObject({ code: 'aborted' });
});

test('of many calls at once the first are run, and the others are told so', async () => {
  const toolbox = createToolbox({ now: () => 0, zone: () => 'UTC', runScript: async () => '', callServer });
  const calls = Array.from({ length: 17 }, (_, at) => ({
    id: `${at}`,
    name: 'calculator',
    arguments: '{"expression":"1"}',
  }));
  const results = await toolbox.run(calls, toolNames, { signal });
  expect(results.map(({ outcome }) => outcome)).toEqual([...Array<string>(16).fill('done'), 'failed']);
});

test('tools are described as the protocol takes them', () => {
  expect(toolsFor(['clock'])).toMatchObject([{ name: 'clock', parameters: expect.stringContaining('timeZone') }]);
});
