import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTasks } from './tasks.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-tasks-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const task = { name: 'a', model: 'm', template: 'x {input}', inputCharactersMax: 9, tokensMax: 8, price: '0.5' };
const read = async (content: unknown) => {
  const path = join(folder, 'tasks.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return readTasks(path);
};

test('tasks are read from a file, with exact prices; there are none without one', async () => {
  expect(await readTasks(undefined)).toEqual([]);
  expect(await read({ tasks: [task] })).toEqual([{ ...task, price: 500_000n }]);
});

test.each([
  ['no JSON', '{', /cannot be read as JSON/],
  ['another member', { tasks: [{ ...task, more: 1 }] }, /tasks\.0/],
  ['no place for the text', { tasks: [{ ...task, template: 'x' }] }, /tasks\.0\.template: it holds \{input\} once/],
  ['two places', { tasks: [{ ...task, template: '{input}{input}' }] }, /tasks\.0\.template/],
  ['a price that is a number', { tasks: [{ ...task, price: 0.5 }] }, /tasks\.0\.price/],
  ['a name twice', { tasks: [task, task] }, /the task a is there twice/],
])('%s is refused', async (_name, content, says) => {
  await expect(read(content)).rejects.toMatchObject({ code: 'bad-setting', message: expect.stringMatching(says) });
});
