import { z } from 'zod';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Fetch } from '#lib/base/read-json.ts';
import type { AuditsView } from '#lib/state/network.ts';
import { readOwnRelay } from './read-own-relay.ts';

/** As many as a relay tells of. */
const workersMax = 1_024;
const count = z.number().int().nonnegative();

const listSchema = z.object({
  followed: z.boolean(),
  data: z
    .array(
      z.object({
        peer: z.string().max(128),
        receipts: count,
        audited: count,
        margin: z.number().optional(),
        validators: count,
        convictions: count,
      }),
    )
    .max(workersMax),
});

/**
 * What the relay of this page has counted of audits (`GET /v1/audits`). One that does not know the path follows none.
 * @throws `audits-unread` where it does not answer in this form; `aborted`.
 */
export async function readAudits(fetch: Fetch, options?: AbortOptions): Promise<AuditsView> {
  const answer = await readOwnRelay(
    fetch,
    '/v1/audits',
    listSchema,
    {
      code: 'audits-unread',
      message:
        'The relay of this page does not say whose answers were audited. Try again later, or ask in the open tier.',
    },
    options,
  );
  return answer ? { followed: answer.followed, workers: answer.data } : { followed: false, workers: [] };
}
