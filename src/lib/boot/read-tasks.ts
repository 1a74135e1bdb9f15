import { z } from 'zod';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Fetch } from '#lib/base/read-json.ts';
import type { TaskView } from '#lib/state/keys.ts';
import { readOwnRelay } from './read-own-relay.ts';

/** Tasks that a page shows. */
const tasksMax = 200;
const unread = {
  code: 'net-offline',
  message: 'The relay of this page does not say which tasks it offers. Try again later.',
};

const listSchema = z.object({
  data: z.array(
    z.object({
      id: z.string().max(256),
      model: z.string().max(256),
      price_credits: z.string().regex(/^\d{1,12}(\.\d{1,6})?$/),
      max_input_characters: z.number().int().positive(),
    }),
  ),
});

/**
 * The tasks of the relay of this page (`GET /v1/tasks`). None where it does not know the path.
 * @throws `net-offline` where it does not answer in this form; `aborted`.
 */
export async function readTasks(fetch: Fetch, options?: AbortOptions): Promise<readonly TaskView[]> {
  const answer = await readOwnRelay(fetch, '/v1/tasks', listSchema, unread, options);
  return (answer?.data ?? []).slice(0, tasksMax).map(({ id, model, price_credits, max_input_characters }) => ({
    name: id,
    model,
    credits: price_credits,
    charactersMax: max_input_characters,
  }));
}
