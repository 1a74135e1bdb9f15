import { decodeEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import { kindOf } from '#lib/protocol/kinds/table.ts';
import { receiptSchema, type Receipt, type SignedReceipt } from '#lib/protocol/receipt.ts';
import { verifyStored } from './check.ts';
import { createOutputRoot } from './output-root.ts';
import { promptHash } from './prompt-hash.ts';
import type { PresentedReceipt } from './presented.ts';
import { openReceipt } from './receipt.ts';

/** What can be checked of a receipt with nothing but the receipt, and what its holder knows of the answer. */
export type VerifiedClaim = 'worker-signature' | 'asker-signature' | 'shown-fields' | 'prompt' | 'output';

/** `unchecked`: nothing to check it by was given, so nothing is claimed. */
export interface Verified {
  readonly claim: VerifiedClaim;
  readonly result: 'holds' | 'fails' | 'unchecked';
}

export interface VerifiedReceipt {
  /** As signed; undefined where it cannot be read. */
  readonly receipt: Receipt | undefined;
  /** 64 hexadecimal digits; what a countersignature, the next receipt and a dispute name it by. */
  readonly hash: string | undefined;
  readonly claims: readonly Verified[];
}

/** What the holder knows besides. */
export interface Known {
  /** The job's input as its kind has it, and its salt of 32 hexadecimal digits. */
  readonly prompt?: { readonly input: unknown; readonly salt: string } | undefined;
  /** The whole answer. */
  readonly output?: KnownOutput | undefined;
}

export interface KnownOutput {
  readonly text: string;
  readonly reasoning?: string | undefined;
}

/** Verifies one receipt offline. Never throws. */
export function verifyReceipt(presented: PresentedReceipt, known: Known = {}): VerifiedReceipt {
  const signed = readSigned(presented);
  const stored = signed && verifyStored(signed);
  const receipt = stored?.receipt;
  const claims: Verified[] = [
    { claim: 'worker-signature', result: stored?.workerSignature === 'valid' ? 'holds' : 'fails' },
    { claim: 'asker-signature', result: askerResult(presented, stored?.askerSignature) },
    { claim: 'shown-fields', result: result(presented.record, receipt, (shown, own) => isSame(shown, own)) },
    { claim: 'prompt', result: result(known.prompt, receipt, isOfPrompt) },
    { claim: 'output', result: outputResult(known.output, receipt) },
  ];
  return { receipt, hash: signed && receipt ? openReceipt(signed.receipt).hash : undefined, claims };
}

/** Whether nothing that was checked fails. What was not checked is not claimed by it. */
export const holds = ({ claims }: VerifiedReceipt): boolean => claims.every(({ result: one }) => one !== 'fails');

function readSigned({ envelope, countersign }: PresentedReceipt): SignedReceipt | undefined {
  const receipt = tryDecode(envelope);
  if (!receipt) return undefined;
  const answer = countersign === undefined ? undefined : tryDecode(countersign);
  return answer ? { receipt, countersign: answer } : { receipt };
}

const askerResult = (
  { countersign }: PresentedReceipt,
  signature: 'valid' | 'invalid' | 'missing' | undefined,
): Verified['result'] => (countersign === undefined ? 'unchecked' : signature === 'valid' ? 'holds' : 'fails');

function result<T>(
  given: T | undefined,
  receipt: Receipt | undefined,
  check: (given: T, receipt: Receipt) => boolean,
): Verified['result'] {
  if (given === undefined) return 'unchecked';
  return receipt && check(given, receipt) ? 'holds' : 'fails';
}

/** A holder of the text alone cannot check a receipt over the tokens that made it. */
function outputResult(given: KnownOutput | undefined, receipt: Receipt | undefined): Verified['result'] {
  if (receipt?.outputForm === 'token-ids') return 'unchecked';
  return result(given, receipt, isOfOutput);
}

function isOfPrompt({ input, salt }: NonNullable<Known['prompt']>, receipt: Receipt): boolean {
  try {
    return promptHash({ salt, kind: receipt.kind, input } as Parameters<typeof promptHash>[0]) === receipt.promptHash;
  } catch {
    return false;
  }
}

function isOfOutput({ text, reasoning = '' }: KnownOutput, receipt: Receipt): boolean {
  const row = kindOf(receipt.kind);
  if (!row) return false;
  const root = createOutputRoot(row.outputHash);
  // A part with tokens and without their ids: the form is that of text alone.
  root.add({ type: 'text-delta', text, tokens: 1 });
  if (reasoning !== '') root.add({ type: 'reasoning-delta', text: reasoning, tokens: 0 });
  return root.summary().outputRoot === receipt.outputRoot;
}

/** The fields that are shown beside an envelope prove nothing, and may differ from it. */
function isSame(shown: unknown, receipt: Receipt): boolean {
  const parsed = receiptSchema.safeParse(shown);
  return parsed.success && canonical(parsed.data) === canonical(receipt);
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );

function tryDecode(bytes: Uint8Array): Envelope | undefined {
  try {
    return decodeEnvelope(bytes);
  } catch {
    return undefined;
  }
}
