import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { readTasks } from './read-tasks.ts';

const task = { id: 'task:summary', model: 'demo', price_credits: '0.5', max_tokens: 64, max_input_characters: 4_000 };
const answering = (body: unknown, status = 200) =>
  (async () => Response.json(body, { status })) as typeof globalThis.fetch;

test('a task is named as it is asked for, with its price', async () => {
  expect(await readTasks(answering({ object: 'list', data: [task] }))).toEqual([
    { name: 'task:summary', model: 'demo', credits: '0.5', charactersMax: 4_000 },
  ]);
});

test('a relay without tasks has none, and a price that is none is not shown', async () => {
  expect(await readTasks(answering({}, 404))).toEqual([]);
  const wrong = answering({ data: [{ ...task, price_credits: '-1' }] });
  expect(await readTasks(wrong).catch(errorCode)).toBe('net-offline');
});
