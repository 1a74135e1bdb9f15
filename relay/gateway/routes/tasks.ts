import type { Handler } from 'hono';
import { z } from 'zod';
import { writeCredits } from '../../credit-amount.ts';
import { taskPrefix, type PricedTask } from '../tasks.ts';

export const taskListSchema = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      /** To be asked for as the model of a chat with one message. */
      id: z.string(),
      object: z.literal('task'),
      model: z.string(),
      price_credits: z.string(),
      max_tokens: z.number().int(),
      max_input_characters: z.number().int(),
    }),
  ),
});

/** `GET /v1/tasks`: what they cost. Their templates are the operator's. */
export const listTasks =
  (tasks: readonly PricedTask[]): Handler =>
  (context) =>
    context.json<z.output<typeof taskListSchema>>({
      object: 'list',
      data: tasks.map(({ name, model, price, tokensMax, inputCharactersMax }) => ({
        id: `${taskPrefix}${name}`,
        object: 'task',
        model,
        price_credits: writeCredits(price),
        max_tokens: tokensMax,
        max_input_characters: inputCharactersMax,
      })),
    });
