import type { LoadedModel } from '#lib/engine/spec.ts';
import { wireErrors, type WireErrorCode } from '#lib/protocol/errors.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { maxTokensOf, needsOf, promptLength, type Job, type Tier } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import type { Audience } from '../spec.ts';

/** Why a job is not taken; said before any work. */
export interface Refusal {
  readonly code: WireErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

export const refusal = (
  code: WireErrorCode,
  message: string = wireErrors[code].says,
  retryAfterMs?: number,
): Refusal => (retryAfterMs === undefined ? { code, message } : { code, message, retryAfterMs });

/** What a person who serves does not want to serve. Undefined: the job is welcome. */
export type Policy = (job: Job, asker: PeerId) => Refusal | undefined;

export interface ServedModel {
  readonly model: LoadedModel;
  readonly audience: Audience;
}

export interface AdmitContext {
  readonly self: PeerId;
  readonly served: ServedModel | undefined;
  readonly tiers: readonly Tier[];
  readonly policy: Policy;
  /** Kinds of work that are read here. */
  readonly kinds: KindTable;
}

/**
 * UTF-8 bytes a token stands for at the very most, on average over a prompt: what is longer than this many bytes for
 * each token of the context is refused without asking the engine, which counts exactly.
 */
const bytesPerTokenMax = 32;

/** The checks that need nothing but the job and the offer, cheapest first. Undefined: it may be queued. */
export function refuse(
  job: Job,
  asker: PeerId,
  { self, served, tiers, policy, kinds }: AdmitContext,
): Refusal | undefined {
  if (!served) return refusal('model-not-here');
  const lacking = lackOf(job, served.model, kinds);
  if (lacking !== undefined) {
    return refusal('feature-unavailable', `The model cannot do what is asked of it ("${lacking}"). Ask another peer.`);
  }
  if (served.audience === 'self' && asker !== self) {
    return refusal('refused-policy', 'This device answers only itself. Ask another peer.');
  }
  if (!tiers.includes(job.tier)) {
    return refusal('refused-policy', `This peer does not serve the tier "${job.tier}". Ask another peer.`);
  }
  if (promptLength(job, kinds) > served.model.contextTokens * bytesPerTokenMax) return refusal('too-long');
  if (job.resume && job.resume.tokens >= (maxTokensOf(job) ?? Number.POSITIVE_INFINITY)) {
    return refusal('bad-request', 'The answer to go on with has all its tokens already. Raise maxTokens.');
  }
  return policy(job, asker);
}

/** The kind of work or the feature that the model does not have. */
function lackOf(job: Job, { kinds, features }: LoadedModel, table: KindTable): string | undefined {
  if (!kinds.includes(job.kind)) return job.kind;
  return needsOf(job, table).find((feature) => !(features as readonly string[]).includes(feature));
}
