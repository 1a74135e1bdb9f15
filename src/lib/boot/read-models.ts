import { z } from 'zod';
import type { AbortOptions } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Fetch } from '#lib/base/read-json.ts';
import type { ServedModelView } from '#lib/state/network.ts';
import { readOwnRelay } from './read-own-relay.ts';

const modelsMax = 1_000;

const listSchema = z.object({
  data: z.array(
    z.object({
      id: z.string().max(256),
      tabloom: z.object({
        listed: z.boolean(),
        listings: z
          .array(z.object({ by: z.string().max(128), expires_at: z.number().int().nonnegative() }))
          .default([]),
        peers: z.number().int().nonnegative(),
      }),
    }),
  ),
});

/**
 * The models that are served now, as the relay of this page lists them (`GET /v1/models`), each with who checked it.
 * @throws `net-offline` where it does not answer in this form; `aborted`.
 */
export async function readServedModels(fetch: Fetch, options?: AbortOptions): Promise<readonly ServedModelView[]> {
  const unread = {
    code: 'net-offline',
    message: 'The relay of this page does not say what is served. Try again later.',
  };
  const answer = await readOwnRelay(fetch, '/v1/models', listSchema, unread, options);
  if (!answer) throw new TabloomError(unread.code, unread.message);
  return answer.data.slice(0, modelsMax).map(({ id, tabloom: { listed, listings, peers } }) => ({
    name: id,
    peers,
    listed,
    listings: listings.map(({ by, expires_at }) => ({ by, until: expires_at * 1_000 })),
  }));
}
