import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { AuditsView } from '#lib/state/network.ts';

const timeoutMs = 10_000;
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
 * @throws `audits-unread` where it does not answer in this form.
 */
export async function readAudits(fetch: typeof globalThis.fetch, { signal }: AbortOptions = {}): Promise<AuditsView> {
  try {
    const ended = AbortSignal.timeout(timeoutMs);
    const response = await fetch('/v1/audits', { signal: signal ? AbortSignal.any([signal, ended]) : ended });
    if (response.status === 404) return { followed: false, workers: [] };
    const { followed, data } = listSchema.parse(await response.json());
    return { followed, workers: data };
  } catch (cause) {
    throw new TabloomError(
      'audits-unread',
      'The relay of this page does not say whose answers were audited. Try again later, or ask in the open tier.',
      { cause },
    );
  }
}
