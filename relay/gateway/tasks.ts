import { z } from 'zod';
import { badRequest, gatewayError } from './errors.ts';
import { parseMember } from './request.ts';

/** A prompt of the operator's with a place for the caller's text, at a fixed price. */
export interface PricedTask {
  /** Callers ask for the model `task:{name}`. */
  readonly name: string;
  /** The model that does it. */
  readonly model: string;
  /** With `{input}` once. */
  readonly template: string;
  /** Of the caller's text. */
  readonly inputCharactersMax: number;
  /** Of the answer. */
  readonly tokensMax: number;
  /** Micro-credits for an answer. */
  readonly price: bigint;
}

export const taskPrefix = 'task:';
export const taskInput = '{input}';

/** A request for a task, as the request for its model that it stands for. */
export interface TaskRequest {
  readonly task: PricedTask;
  readonly body: object;
}

/** What a caller may say of a task; the rest is the operator's. */
const members = ['model', 'messages', 'stream', 'stream_options', 'user', 'safety_identifier', 'seed'] as const;
const limitMembers = ['max_tokens', 'max_completion_tokens'] as const;

const messageSchema = z.strictObject({
  role: z.literal('user', { error: 'must be "user"' }),
  content: z.union(
    [
      z.string(),
      z
        .array(z.strictObject({ type: z.literal('text'), text: z.string() }))
        .transform((parts) => parts.map(({ text }) => text).join('')),
    ],
    { error: 'must be text' },
  ),
});
const bodySchema = z.looseObject({
  messages: z.array(messageSchema, { error: 'must be a list' }).length(1, { error: 'must hold one message of text' }),
});

/**
 * Reads a request whose model is a task. Undefined for any other. @throws `model-not-found` for a task that there is not,
 * `bad-request` for a member that the task fixes, or a text that is too long.
 */
export function readTask(body: unknown, tasks: readonly PricedTask[]): TaskRequest | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { model } = body as { readonly model?: unknown };
  if (typeof model !== 'string' || !model.startsWith(taskPrefix)) return undefined;
  const task = tasks.find(({ name }) => `${taskPrefix}${name}` === model);
  if (!task) {
    throw gatewayError('task-unknown', `There is no task "${model.slice(0, 100)}". GET /v1/tasks lists them.`, 'model');
  }
  const fixed = Object.keys(body).find((name) => ![...members, ...limitMembers].includes(name as 'model'));
  if (fixed !== undefined) {
    const named = fixed.slice(0, 64);
    throw badRequest(`"${named}" is fixed by the task. Leave it out, or ask for the model ${task.model}.`, named);
  }
  const { messages, ...rest } = parseMember(bodySchema, body);
  const text = messages[0]!.content;
  if (text.length > task.inputCharactersMax) {
    throw badRequest(`"messages.0.content" has more than ${task.inputCharactersMax} characters.`, 'messages.0.content');
  }
  const asked = limitMembers.map((name) => rest[name]).find((value) => value != null);
  const limit = typeof asked === 'number' && asked > 0 ? Math.min(asked, task.tokensMax) : task.tokensMax;
  const [before, after] = task.template.split(taskInput) as [string, string];
  const kept = Object.fromEntries(members.flatMap((name) => (name in rest ? [[name, rest[name]] as const] : [])));
  return {
    task,
    body: {
      ...kept,
      model: task.model,
      messages: [{ role: 'user', content: `${before}${text}${after}` }],
      max_completion_tokens: limit,
    },
  };
}
