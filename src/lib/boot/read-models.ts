import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import type { ServedModelView } from '#lib/state/network.ts';

const timeoutMs = 10_000;
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
 * @throws `net-offline` where it does not answer in this form.
 */
export async function readServedModels(fetch: typeof globalThis.fetch): Promise<readonly ServedModelView[]> {
  try {
    const response = await fetch('/v1/models', { signal: AbortSignal.timeout(timeoutMs) });
    const { data } = listSchema.parse(await response.json());
    return data.slice(0, modelsMax).map(({ id, tabloom: { listed, listings, peers } }) => ({
      name: id,
      peers,
      listed,
      listings: listings.map(({ by, expires_at }) => ({ by, until: expires_at * 1_000 })),
    }));
  } catch (cause) {
    throw new TabloomError('net-offline', 'The relay of this page does not say what is served. Try again later.', {
      cause,
    });
  }
}
