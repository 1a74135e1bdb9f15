import { million } from './charge-of.ts';
import { encodeCbor } from './cbor.ts';
import { filesOf, type Job } from './job.ts';
import { jobKinds, kindOf, type KindTable } from './kinds/table.ts';
import { limits } from './limits.ts';
import type { Price } from './price.ts';
import { utf8Encode } from '#lib/base/bytes.ts';

/** What a page needs before its first paint is kept apart from the kinds of work and their schemas. */
export { chargeOf, isFree } from './charge-of.ts';

/** The most units of output that a budget has room for after so many of input; `Infinity` where output costs nothing. */
export function outputWithin(price: Price, unitsIn: number, budget: bigint): number {
  const out = BigInt(price.out);
  const left = budget * million - BigInt(price.in) * BigInt(unitsIn);
  if (left < 0n) return 0;
  if (out === 0n) return Number.POSITIVE_INFINITY;
  const units = left / out;
  return units > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(units);
}

/** Whether jobs of the kind can be paid for: both sides have to be able to count them. */
export function isPayable(kind: string, kinds: KindTable = jobKinds): boolean {
  const units = kindOf(kind, kinds)?.units;
  return units?.in === 'token' && (units.out === 'token' || units.out === 'nothing');
}

/** Mean bytes of a token, halved; texts of many digits, which have more tokens than this, are billed as if they had not. */
const bytesPerTokenLeast = 2;
/** Begin and end of turns, and what a model's template adds. */
const templateTokens = 64;
/** What the encoder of a vision model makes of one picture, at most. */
const tokensPerFile = 4_096;

/**
 * The most units of input that a job may be billed for, computed alike by both sides: an asker has no tokenizer, and a worker's
 * count is only its word. Half the mean bytes of a token over the DAG-CBOR of `input`, resumed text or tokens, and a part
 * for the template and for each file.
 */
export function inputUnitsMax(job: Pick<Job, 'kind' | 'input' | 'resume'>, kinds: KindTable = jobKinds): number {
  const { input, resume } = job;
  const resumed = resume ? Math.max(resume.tokens, halved(utf8Encode(resume.text).length)) : 0;
  return (
    halved(encodeCbor(input).length) + resumed + templateTokens + filesOf(job as Job, kinds).length * tokensPerFile
  );
}

const halved = (bytes: number): number => Math.ceil(bytes / bytesPerTokenLeast);

/** The part of the input that is due next, once `paidFor` units of it are paid. */
export const nextInputStep = (unitsIn: number, paidFor: number): number =>
  Math.min(unitsIn, paidFor + limits.inputStepTokens);
