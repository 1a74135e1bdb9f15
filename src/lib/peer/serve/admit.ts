import type { LoadedModel } from '#lib/engine/spec.ts';
import { wireErrors, type WireErrorCode } from '#lib/protocol/errors.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { maxTokensOf, needsOf, promptLength, type Job, type Tier } from '#lib/protocol/job.ts';
import { chargeOf, inputUnitsMax, isFree, isPayable } from '#lib/protocol/charge.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import type { Price } from '#lib/protocol/price.ts';
import { estimateTokens } from '#lib/protocol/tokens.ts';
import type { Charge } from '../session/worker-account.ts';
import type { Audience } from '../spec.ts';

/** Why a job is not taken, as the asker is told before any work. */
export interface JobRefusal {
  readonly code: WireErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

export const jobRefusal = (
  code: WireErrorCode,
  message: string = wireErrors[code].message,
  retryAfterMs?: number,
): JobRefusal => (retryAfterMs === undefined ? { code, message } : { code, message, retryAfterMs });

/**
 * What a job for a model with this price is charged, once its own terms allow it; undefined for a free one. The input is billed by
 * its length, within what the asker takes for possible: engines count it only in the end.
 */
export function chargeFor(job: Job, price: Price, kinds: KindTable): Charge | JobRefusal | undefined {
  if (isFree(price)) return undefined;
  if (!isPayable(job.kind, kinds)) return jobRefusal('refused-policy', 'This kind of work cannot be paid for here.');
  if (job.budget === undefined || !job.payment) return jobRefusal('payment-required');
  const { price: offered } = job.payment;
  if (BigInt(offered.in) < BigInt(price.in) || BigInt(offered.out) < BigInt(price.out)) return jobRefusal('price');
  const counted = estimateTokens(promptLength(job, kinds), 'typical');
  const tokensIn = Math.min(counted, inputUnitsMax(job, kinds));
  const budget = BigInt(job.budget);
  if (chargeOf(offered, { in: tokensIn, out: 1 }) > budget)
    return jobRefusal('budget', 'The budget has no room for the input and an answer. Raise it.');
  return { price: offered, budget, tokensIn };
}

/** The provider's own rules. Undefined: the job may be taken. */
export type Policy = (job: Job, asker: PeerId) => JobRefusal | undefined;

export interface AdmissionContext {
  readonly self: PeerId;
  readonly served: { readonly model: LoadedModel; readonly audience: Audience } | undefined;
  readonly tiers: readonly Tier[];
  readonly policy: Policy;
  /** Kinds of work that are read here. */
  readonly kinds: KindTable;
}

/** The checks that need only the job and the offer, cheapest first. Undefined: the job may be queued. */
export function checkAdmission(
  job: Job,
  asker: PeerId,
  { self, served, tiers, policy, kinds }: AdmissionContext,
): JobRefusal | undefined {
  if (!served) return jobRefusal('model-not-here');
  const missing = missingCapability(job, served.model, kinds);
  if (missing !== undefined) {
    return jobRefusal('feature-unavailable', `The model does not support "${missing}". Ask another peer.`);
  }
  if (served.audience === 'self' && asker !== self) {
    return jobRefusal('refused-policy', 'This device answers only itself. Ask another peer.');
  }
  if (!tiers.includes(job.tier)) {
    return jobRefusal('refused-policy', `This peer does not serve the tier "${job.tier}". Ask another peer.`);
  }
  // The engine counts exactly; this spares it a prompt that cannot fit by any count.
  if (estimateTokens(promptLength(job, kinds), 'least') > served.model.contextTokens) return jobRefusal('too-long');
  if (job.resume && job.resume.tokens > (maxTokensOf(job) ?? 0)) {
    return jobRefusal('bad-request', 'The answer to resume has more tokens than it may have. Raise maxTokens.');
  }
  if (job.resume && !served.model.features.some((feature) => feature === 'resume-exact' || feature === 'resume-text')) {
    return jobRefusal('resume-unsupported');
  }
  return policy(job, asker);
}

/** The kind of work, or else the first feature, that the model does not support. */
function missingCapability(job: Job, { kinds, features }: LoadedModel, table: KindTable): string | undefined {
  if (!kinds.includes(job.kind)) return job.kind;
  return needsOf(job, table).find((feature) => !(features as readonly string[]).includes(feature));
}
