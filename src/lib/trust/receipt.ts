import { TabloomError } from '#lib/base/errors.ts';
import { parseRecord } from '#lib/protocol/cbor.ts';
import { checkpointSchema, type Checkpoint } from '#lib/protocol/checkpoint.ts';
import {
  encodeEnvelope,
  isSignedHere,
  openEnvelope,
  signChecked,
  type Envelope,
  type Opened,
  type Signer,
} from '#lib/protocol/envelope.ts';
import { hashBytes } from '#lib/protocol/hash.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { FinishReason, Usage } from '#lib/protocol/part.ts';
import type { ReceiptPayment } from '#lib/protocol/payment.ts';
import { isPlainCountersign, isPlainReceipt } from '#lib/protocol/plain-receipt.ts';
import type { Price } from '#lib/protocol/price.ts';
import { countersignSchema, receiptSchema, type Countersign, type Receipt } from '#lib/protocol/receipt.ts';
import type { OutputSummary } from './output-root.ts';
import { promptHash } from './prompt-hash.ts';

/** What the worker knows at the end of a job. */
export interface Delivered {
  readonly job: Job;
  readonly asker: PeerId;
  readonly engine: Receipt['engine'];
  readonly output: OutputSummary;
  readonly reason: FinishReason;
  readonly tokensIn: number;
  readonly timings: Receipt['timings'];
  readonly price: Price;
  /** Left out where nothing was to be paid. */
  readonly payment?: ReceiptPayment | undefined;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  /** `receiptHash` of this worker's previous receipt, or `chainStart`. */
  readonly prevWorker: string;
}

/** A receipt that has been verified, or was signed here, so that this need not be repeated. */
export interface OpenedReceipt extends Opened<Receipt> {
  readonly envelope: Envelope;
  readonly hash: string;
}

/** @throws `bad-signature`, `bad-record`. */
export const openReceipt = (envelope: Envelope): OpenedReceipt => ({
  ...openEnvelope('receipt', receiptSchema, envelope),
  envelope,
  hash: receiptHash(envelope),
});

/** Signs the worker's receipt. @throws `bad-record` rather than signing something readers would reject. */
export function issueReceipt(delivered: Delivered, signer: Signer): OpenedReceipt {
  const { job, output } = delivered;
  const receipt: Receipt = {
    jobId: job.id,
    asker: delivered.asker,
    worker: signer.peer,
    artefact: job.artefact,
    model: job.model,
    kind: job.kind,
    engine: delivered.engine,
    params: job.params,
    promptHash: promptHash(job),
    resumedTokens: job.resume?.tokens ?? 0,
    outputRoot: output.outputRoot,
    outputForm: output.outputForm,
    reason: delivered.reason,
    tokensIn: delivered.tokensIn,
    tokensOut: output.tokens,
    timings: delivered.timings,
    tier: job.tier,
    price: delivered.price,
    payment: delivered.payment,
    issuedAt: delivered.issuedAt,
    prevWorker: delivered.prevWorker,
  };
  const record = isPlainReceipt(receipt) ? receipt : parsedReceipt(receipt);
  const envelope = signChecked('receipt', receiptSchema, record, signer);
  return { record, peer: signer.peer, envelope, hash: receiptHash(envelope) };
}

function parsedReceipt(receipt: Receipt): Receipt {
  const parsed = receiptSchema.safeParse(receipt);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new TabloomError('bad-record', `The receipt is not valid at "${issue?.path.join('.')}"; it was not signed.`);
}

/** What the job costs so far, in the smallest unit; left out where it is free. */
export type Owed = Pick<Checkpoint, 'due'>;

/** Signs a checkpoint over the parts sent so far. @throws `bad-record` rather than signing something readers would reject. */
export function issueCheckpoint(
  { job, asker, output, issuedAt, due }: Pick<Delivered, 'job' | 'asker' | 'output' | 'issuedAt'> & Owed,
  signer: Signer,
): Envelope {
  const checkpoint: Checkpoint = {
    jobId: job.id,
    asker,
    worker: signer.peer,
    artefact: job.artefact,
    promptHash: promptHash(job),
    resumedTokens: job.resume?.tokens ?? 0,
    tokensOut: output.tokens,
    outputRoot: output.outputRoot,
    outputForm: output.outputForm,
    issuedAt,
    due,
  };
  return signChecked('checkpoint', checkpointSchema, parseRecord(checkpointSchema, checkpoint, 'bad-record'), signer);
}

/** The usage for the `finish` frame that carries this job's receipt. */
export const usageOfReceipt = (delivered: Pick<Delivered, 'tokensIn' | 'output'>): Usage => ({
  tokensIn: delivered.tokensIn,
  tokensOut: delivered.output.tokens,
});

/**
 * Signs the asker's countersign of a receipt. Only do so if `checkReceipt` passed every check.
 * @param prevAsker `receiptHash` of this asker's previous countersign, or `chainStart`.
 * @throws `bad-request` if the receipt is for another asker.
 */
export function countersign({ record, hash }: OpenedReceipt, prevAsker: string, signer: Signer): Envelope {
  if (record.asker !== signer.peer) {
    throw new TabloomError('bad-request', 'This receipt names another asker, and only that asker may countersign it.');
  }
  const answer: Countersign = {
    jobId: record.jobId,
    receipt: hash,
    asker: signer.peer,
    prevAsker,
  };
  const checked = isPlainCountersign(answer) ? answer : countersignSchema.parse(answer);
  return signChecked('countersign', countersignSchema, checked, signer);
}

/** SHA-256 of an encoded envelope, as 64 hexadecimal digits: identifies a receipt or countersign in the chains. */
export function receiptHash(envelope: Envelope): string {
  const known = hashes.get(envelope);
  if (known !== undefined) return known;
  const hash = hashBytes(encodeEnvelope(envelope));
  if (isSignedHere(envelope)) hashes.set(envelope, hash);
  return hash;
}

/** Of envelopes that were signed here, which both sides of a job in one process ask for. */
const hashes = new WeakMap<Envelope, string>();
