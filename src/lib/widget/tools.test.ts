import { expect, test } from 'vitest';
import { answerCall, toolLimits, toolList, type ToolRequest } from './tools.ts';

const call = { id: '1', name: 'price', arguments: '{"item":"lamp"}' };
const never = () => new AbortController().signal;

test('the site answers with a value, a text or a promise', async () => {
  const seen: unknown[] = [];
  const answer = (value: unknown) => (request: ToolRequest) => {
    seen.push(request.arguments);
    request.respondWith(value);
  };
  expect(await answerCall(call, answer({ euros: 12 }), never)).toBe('{"euros":12}');
  expect(await answerCall(call, answer('12 euros'), never)).toBe('12 euros');
  expect(await answerCall(call, answer(Promise.resolve(12)), never)).toBe('12');
  expect(await answerCall(call, answer(undefined), never)).toBe('done');
  expect(seen[0]).toEqual({ item: 'lamp' });
});

test('a handler that is missing, fails or is late is told to the model', async () => {
  expect(await answerCall(call, () => undefined, never)).toMatch(/no handler/);
  const fails = (request: ToolRequest) => request.respondWith(Promise.reject(new Error('sold out')));
  expect(await answerCall(call, fails, never)).toBe('Error: sold out');
  const late = new AbortController();
  const answered = answerCall(
    call,
    (request) => request.respondWith(new Promise(() => undefined)),
    () => late.signal,
  );
  late.abort();
  expect(await answered).toMatch(/too long/);
});

test('only the first answer counts, and a long one has an end', async () => {
  const twice = (request: ToolRequest) => {
    request.respondWith('x'.repeat(toolLimits.resultLength + 1));
    request.respondWith('second');
  };
  expect(await answerCall(call, twice, never)).toHaveLength(toolLimits.resultLength);
});

test('arguments that are no JSON are none', async () => {
  let seen: unknown;
  await answerCall({ ...call, arguments: '{"item":' }, (request) => void (seen = request.arguments), never);
  expect(seen).toEqual({});
});

test('only what names a function is sent', () => {
  const tools = [
    { name: 'a' },
    { name: 'not a name' },
    null,
    'b',
    ...Array.from({ length: 60 }, () => ({ name: 'c' })),
  ];
  expect(toolList(tools)).toHaveLength(toolLimits.tools);
  expect(toolList(tools)[0]).toEqual({ type: 'function', function: { name: 'a' } });
});
