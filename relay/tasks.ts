import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import { taskInput, type PricedTask } from './gateway/tasks.ts';
import { millionths } from './settings/values.ts';

const whole = (most: number) => z.number().int().min(1).max(most);
const taskSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]{1,64}$/, 'it has 1 to 64 small letters, digits and dashes'),
  model: z.string().min(1).max(limits.nameLengthMax),
  template: z
    .string()
    .max(32_768)
    .refine((text) => text.split(taskInput).length === 2, `it holds ${taskInput} once`),
  inputCharactersMax: whole(1_000_000),
  tokensMax: whole(limits.maxTokensMax),
  price: millionths('credits'),
});
const fileSchema = z.strictObject({ tasks: z.array(taskSchema).max(256) });

/** The tasks of a file. @throws `bad-setting`, saying what is wrong where. */
export async function readTasks(path: string | undefined): Promise<readonly PricedTask[]> {
  if (path === undefined) return [];
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw bad(`${path} cannot be read as JSON. Correct the path or the file.`, cause);
  }
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw bad(`${path}: ${issue.path.join('.') || 'the file'}: ${issue.message}.`);
  }
  const names = parsed.data.tasks.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw bad(`${path}: the task ${twice} is there twice. Name each once.`);
  return parsed.data.tasks;
}

const bad = (what: string, cause?: unknown) =>
  new TabloomError('bad-setting', `TASKS is wrong: ${what}`, { cause, details: { name: 'TASKS' } });
