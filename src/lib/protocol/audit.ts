import { z } from 'zod';
import { fixedBytesSchema } from './bounded.ts';
import { epochEnvelopeSchema, inclusionPathSchema } from './epoch.ts';
import { hashRecord } from './hash.ts';
import { hashSchema, jobIdSchema, peerIdSchema } from './ids.ts';
import { limits } from './limits.ts';
import { receiptEnvelopeSchema } from './receipt.ts';

/**
 * The signed records of an audit. They are gossiped on `auditTopic` (`topics.ts`), and each reader comes to the verdict by itself: nobody
 * announces one.
 */
export type Accusation = z.output<typeof accusationSchema>;
export type Reveal = z.output<typeof revealSchema>;
export type Unsealing = z.output<typeof unsealingSchema>;
export type Verdict = Reveal['verdict'];
export type SealTruth = Unsealing['truth'];

const natural = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const saltSchema = fixedBytesSchema(32);
const sitting = {
  audit: hashSchema,
  round: z.union([z.literal(1), z.literal(2)]),
  sitting: z.number().int().min(1).max(limits.auditSittingsMax),
  /** The signer. */
  validator: peerIdSchema,
};

/** By the asker of a job: validators may be shown its prompt and its answer. */
export const releaseSchema = z.object({
  jobId: jobIdSchema,
  /** Hash of the job's receipt. */
  receipt: hashSchema,
  asker: peerIdSchema,
  releasedAt: natural,
});

/** A quarter of the most that a network names. */
const leftOutMax = 16;

/** By who re-scored an answer and found that the weights did not give it. Opens round 1. */
export const accusationSchema = z.object({
  /** `auditId` of the leaf and the accuser, who accuses a leaf once. */
  audit: hashSchema,
  accuser: peerIdSchema,
  epoch: epochEnvelopeSchema,
  receipt: receiptEnvelopeSchema,
  index: natural,
  path: inclusionPathSchema,
  /** The chain of the beacon that picked the leaf; by which round of it, the epoch settles. */
  beacon: hashSchema,
  /** The hash that `unsealing` opens when round 1 is over. */
  seal: hashSchema,
  accusedAt: natural,
  /** Validators that the accuser knows as unfit, and that do not sit: a quarter of those that are named, at most. */
  without: z.array(peerIdSchema).max(leftOutMax).optional(),
});

/** A verdict that is settled and not told yet: SHA-256 over what `reveal` will say; see `trust/vote.ts`. */
export const voteCommitmentSchema = z.object({ ...sitting, commitment: hashSchema });

export const revealSchema = z.object({
  ...sitting,
  salt: saltSchema,
  verdict: z.enum(['guilty', 'innocent', 'undecided']),
  /** The validator's own log-probabilities (natural) of the answer's tokens at the positions of this sitting, in order. */
  values: z.array(z.number().max(0).min(-1e9)).max(limits.auditPositionsMax),
  /** What it measured with: two engines never agree to the last bit. */
  engine: z.string().max(limits.nameLengthMax),
});

/** By the accuser, after round 1: whether this was a real suspicion, or a task to test the validators with. */
export const unsealingSchema = z.object({
  audit: hashSchema,
  accuser: peerIdSchema,
  salt: saltSchema,
  truth: z.enum(['real', 'planted-guilty', 'planted-innocent']),
});

/** By the worker that round 1 found guilty. */
export const appealSchema = z.object({
  audit: hashSchema,
  worker: peerIdSchema,
  /** The panel of round 2 is drawn by the beacon's first round after it. */
  appealedAt: natural,
});

/** Names what one accuser says of one leaf of one epoch. Another accuser's word on the same leaf is another audit. */
export const auditId = (epochHash: string, index: number, accuser: string): string =>
  hashRecord([epochHash, index, accuser]);
