import { z } from 'zod';
import { wireError } from '#lib/protocol/errors.ts';
import { peerIdSchema } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { AskTerms } from '#lib/peer/spec.ts';
import { parseMember } from './parse.ts';

/** Our own member of a request; other servers ignore it. */
const extensionSchema = z.object({
  tier: z.string({ error: 'must be a string' }).nullish(),
  deadline_ms: z
    .number({ error: 'must be a number of milliseconds' })
    .int({ error: 'must be a whole number of milliseconds' })
    .min(1, { error: 'must be at least 1' })
    .max(limits.jobDeadlineMsMax, { error: `must be at most ${limits.jobDeadlineMsMax}` })
    .nullish(),
  /** Only these peers. */
  peers: z.array(peerIdSchema, { error: 'must be a list of 1 to 16 peer ids' }).min(1).max(16).nullish(),
});

/** Where callers may name a tier, besides our own member. */
const tierHeaders = ['x-tabloom-tier', 'x-peer-tier'];

/**
 * Who may answer and for how long, from the member `tabloom`, from `peer_tier` and from headers. A tier is what was
 * checked, and nothing but `open` can be checked yet: any other wish ends here, before anything leaves.
 * @throws `bad-request`, `tier-unavailable`, with the `param` that says so.
 */
export function readTerms(
  request: { readonly [member: string]: unknown },
  headers: Headers,
): Pick<AskTerms, 'tier' | 'deadlineMs' | 'only'> {
  const extension = parseMember(extensionSchema.nullish(), request['tabloom'], 'tabloom');
  const peerTier = parseMember(z.string({ error: 'must be a string' }).nullish(), request['peer_tier'], 'peer_tier');
  const wishes: readonly (readonly [string, string | null | undefined])[] = [
    ['tabloom.tier', extension?.tier],
    ['peer_tier', peerTier],
    ...tierHeaders.map((name) => [name, headers.get(name)] as const),
  ];
  for (const [param, tier] of wishes) {
    if (tier == null || tier === 'open') continue;
    throw wireError(
      'tier-unavailable',
      `Nobody here can prove the tier "${tier.slice(0, limits.wordLengthMax)}". Only "open" is served; nothing was sent.`,
      { details: { param } },
    );
  }
  return { tier: 'open', deadlineMs: extension?.deadline_ms ?? undefined, only: extension?.peers ?? undefined };
}
