import { concatBytes, equalBytes, fromHex, toHex, utf8Encode } from '#lib/base/bytes.ts';
import { sha256 } from '@noble/hashes/sha2.js';
import type { Reveal, SealTruth } from '#lib/protocol/audit.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';

/**
 * A validator commits to its verdict, its salt and its own log-probabilities before any other is told, and reveals them
 * afterwards. The commitment names the validator, the audit and the sitting: it cannot be handed in for another's, or twice.
 */
export const commitmentOf = ({ salt, ...rest }: Reveal): string =>
  toHex(
    sha256(
      concatBytes(
        utf8Encode('tabloom/vote/2\n'),
        salt,
        encodeCbor([rest.audit, rest.round, rest.sitting, rest.validator, rest.verdict, rest.values, rest.engine]),
      ),
    ),
  );

/** What an accuser commits to: whether the accusation is meant, or planted with a known truth. */
export const sealOf = (audit: string, salt: Uint8Array, truth: SealTruth): string =>
  toHex(sha256(concatBytes(utf8Encode(`tabloom/seal/2/${truth}\n`), fromHex(audit), salt)));

/** What is wrong with a reveal by itself, or beside what others of the sitting revealed. */
export type VoteFault = 'changed-mind' | 'no-values' | 'copied' | 'stray-values';

/**
 * The values are what re-scoring gives and guessing does not. `copied`: to the last bit those of a validator that had committed
 * before and measured with another engine, which two engines never are. `stray-values`: far from what most others measured, who
 * are at least three.
 * @param positions how many there are in this sitting.
 * @param earlier reveals of the sitting whose commitments came before, oldest first.
 */
export function faultOfReveal(
  reveal: Reveal,
  commitment: string,
  { positions, earlier }: { readonly positions: number; readonly earlier: readonly Reveal[] },
): VoteFault | undefined {
  if (commitmentOf(reveal) !== commitment) return 'changed-mind';
  if (reveal.verdict === 'undecided') return undefined;
  if (reveal.values.length !== positions) return 'no-values';
  const copies = earlier.some((other) => other.engine !== reveal.engine && sameBits(other.values, reveal.values));
  return copies ? 'copied' : undefined;
}

/** Those whose values lie far from the median of all, where at least three revealed values. */
export function strayValidators(reveals: readonly Reveal[]): readonly string[] {
  const own = reveals.filter(({ values }) => values.length > 0);
  if (own.length < 3) return [];
  const medians = own[0]!.values.map((_, at) => medianOf(own.map(({ values }) => values[at] ?? 0)));
  return own.filter(({ values }) => meanGap(values, medians) > strayNats).map(({ validator }) => validator);
}

/** Honest engines of one artefact stay within a tenth of it. */
const strayNats = 1;
/** Improbable tokens differ the most, and say the least. */
const floorNats = -20;

function meanGap(values: readonly number[], medians: readonly number[]): number {
  const gap = (value: number, at: number) => Math.abs(Math.max(value, floorNats) - Math.max(medians[at]!, floorNats));
  return values.reduce((sum, value, at) => sum + gap(value, at), 0) / Math.max(1, values.length);
}

function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A token that is all but certain has the same value everywhere. */
const sameBits = (a: readonly number[], b: readonly number[]): boolean =>
  a.filter((value) => value < -1e-6).length >= 3 && equalBytes(encodeCbor(a), encodeCbor(b));
