import { openEnvelope, type Envelope, type Opened } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import { checkpointSchema, type Checkpoint } from '#lib/protocol/checkpoint.ts';
import { equalBytes } from '#lib/base/bytes.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { FinishReason, Usage } from '#lib/protocol/part.ts';
import type { Price } from '#lib/protocol/price.ts';
import { countersignSchema, type Countersign, type Receipt, type SignedReceipt } from '#lib/protocol/receipt.ts';
import type { OutputSummary } from './output-root.ts';
import { promptHash } from './prompt-hash.ts';
import { openReceipt, type OpenedReceipt } from './receipt.ts';

/** What the asker itself knows at the end of a job. */
export interface Received {
  readonly job: Job;
  readonly asker: PeerId;
  readonly worker: PeerId;
  /** From an `OutputRoot` fed with the parts as they arrived. */
  readonly output: OutputSummary;
  /** From the `finish` frame. */
  readonly reason: FinishReason;
  readonly usage: Usage;
  /** What was promised for it; left out where it was free. */
  readonly payment?: Promised | undefined;
  /** Price and engine from the selected offer. */
  readonly price: Price;
  readonly engine: Receipt['engine'];
  /** When the job was first sent and when its receipt arrived, in milliseconds since the epoch by the asker's clock. */
  readonly askedAt: number;
  readonly receivedAt: number;
}

/** A paid job's channel, and the totals that its receipt may name: those that were promised last. */
export interface Promised {
  readonly chain: number;
  readonly channel: string;
  readonly totals: readonly string[];
}

/** One result per claim; the same shape as `ReceiptCheck` in `peer/spec.ts`. */
export interface ReceiptChecks {
  /** The record is a receipt with a valid signature. */
  readonly signature: boolean;
  /**
   * Signed by the worker that was asked; names itself, this asker and the offered engine; dated between request and
   * receipt, allowing for clock skew.
   */
  readonly worker: boolean;
  /** Id, model, params, tier, prompt hash and resumed tokens match the job that was sent. */
  readonly prompt: boolean;
  /** The stated output matches the received bytes exactly, with the same finish reason. */
  readonly output: boolean;
  /** Its token counts match those counted on arrival and those in the last frame, and its price is the offered one. */
  readonly counts: boolean;
  /** It names the channel and a total that were promised, or nothing where nothing was. */
  readonly payment: boolean;
}

const nothingHolds: ReceiptChecks = {
  signature: false,
  worker: false,
  prompt: false,
  output: false,
  counts: false,
  payment: false,
};

/** The opened receipt, or undefined if it is malformed or its signature is invalid. */
export const tryOpenReceipt = (envelope: Envelope): OpenedReceipt | undefined => tryOpen(() => openReceipt(envelope));

/**
 * Checks a worker's receipt, opened by `tryOpenReceipt`, against what the asker sent and received. Its timings and
 * `prevWorker` are the worker's own statements and cannot be checked. Never throws.
 */
export function checkReceipt(opened: OpenedReceipt | undefined, received: Received): ReceiptChecks {
  if (!opened) return nothingHolds;
  const { record: receipt, peer } = opened;
  const { job, output, usage } = received;
  return {
    signature: true,
    worker:
      peer === received.worker &&
      receipt.worker === received.worker &&
      receipt.asker === received.asker &&
      sameValue(receipt.engine, received.engine) &&
      receipt.issuedAt >= received.askedAt - limits.receiptClockSkewMs &&
      receipt.issuedAt <= received.receivedAt + limits.receiptClockSkewMs,
    prompt:
      receipt.jobId === job.id &&
      receipt.artefact === job.artefact &&
      receipt.model === job.model &&
      receipt.kind === job.kind &&
      receipt.tier === job.tier &&
      receipt.resumedTokens === (job.resume?.tokens ?? 0) &&
      receipt.promptHash === promptHash(job) &&
      sameValue(receipt.params, job.params),
    output:
      receipt.outputRoot === output.outputRoot &&
      receipt.outputForm === output.outputForm &&
      receipt.reason === received.reason,
    counts:
      receipt.tokensOut === output.tokens &&
      receipt.tokensOut === usage.tokensOut &&
      receipt.tokensIn === usage.tokensIn &&
      (receipt.tokensIn <= tokensAdded || receipt.tokensIn <= tokensInMax(job)) &&
      receipt.price.in === received.price.in &&
      receipt.price.out === received.price.out,
    payment: isAsPromised(receipt, received),
  };
}

/**
 * How many tokens a job's prompt can be at most: a token stands for a byte or more, with room for what a template and the
 * worker's own instructions add, and for files, of which only the size is known. Work would otherwise be what a worker
 * claims.
 */
function tokensInMax({ input, resume }: Job): number {
  const files = sumOfFiles(input);
  return 2 * encodeCbor(input).length + 3 * (resume?.text.length ?? 0) + (resume?.tokens ?? 0) + files + tokensAdded;
}

const tokensAdded = 4_096;
/** Pictures have the most tokens for their size, recordings the most of all. */
const tokensPerFile = 8_192;
const bytesPerFileToken = 16;

function sumOfFiles(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value).reduce((sum: number, member) => sum + sumOfFiles(member), 0);
  const isFile = 'sha256' in value && 'sizeBytes' in value && typeof value.sizeBytes === 'number';
  return inside + (isFile ? tokensPerFile + Math.ceil((value.sizeBytes as number) / bytesPerFileToken) : 0);
}

function isAsPromised({ payment }: Receipt, { payment: agreed }: Received): boolean {
  if (!payment) return agreed?.totals.includes('0') ?? true;
  return payment.chain === agreed?.chain && payment.channel === agreed.channel && agreed.totals.includes(payment.total);
}

export const allHold = (checks: ReceiptChecks): boolean => Object.values(checks).every(Boolean);

/**
 * The asker's countersign of this receipt, verified; the worker calls this before storing the pair. Undefined for
 * anything else. Never throws.
 */
export function openCountersign({ record, hash }: OpenedReceipt, envelope: Envelope): Opened<Countersign> | undefined {
  const answer = readCountersign(envelope);
  const belongs =
    answer !== undefined &&
    answer.peer === record.asker &&
    answer.record.asker === answer.peer &&
    answer.record.jobId === record.jobId &&
    answer.record.receipt === hash;
  return belongs ? answer : undefined;
}

/** What can be verified about a stored receipt without the conversation: both signatures. */
export interface StoredCheck {
  /** Undefined if it is malformed or its signature is invalid. */
  readonly receipt: Receipt | undefined;
  readonly countersign: Countersign | undefined;
  /** Signed by the worker it names. */
  readonly workerSignature: 'valid' | 'invalid';
  /** Signed by the asker named in the receipt, for exactly this receipt. */
  readonly askerSignature: 'valid' | 'invalid' | 'missing';
}

/** Verifies a stored or presented receipt offline. Never throws. */
export function verifyStored({ receipt: envelope, countersign: answer }: SignedReceipt): StoredCheck {
  const receipt = tryOpenReceipt(envelope);
  const countersign = answer && readCountersign(answer);
  return {
    receipt: receipt?.record,
    countersign: countersign?.record,
    workerSignature: receipt && receipt.peer === receipt.record.worker ? 'valid' : 'invalid',
    askerSignature: !answer ? 'missing' : receipt && openCountersign(receipt, answer) ? 'valid' : 'invalid',
  };
}

const readCountersign = (envelope: Envelope): Opened<Countersign> | undefined =>
  tryOpen(() => openEnvelope('countersign', countersignSchema, envelope));

/** Compares canonical encodings, so that member order does not matter, unless a look tells that they are the same. */
const sameValue = (a: object, b: object): boolean => isSameFlat(a, b) || equalBytes(encodeCbor(a), encodeCbor(b));

/** Whether these are the same texts, numbers and flags under the same names; false says nothing. */
function isSameFlat(a: Readonly<Record<string, unknown>> | object, b: object): boolean {
  let members = 0;
  for (const [name, value] of Object.entries(a)) {
    if (value === undefined) continue;
    if (!(typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value))) return false;
    if (!Object.hasOwn(b, name) || (b as Readonly<Record<string, unknown>>)[name] !== value) return false;
    members++;
  }
  return members === Object.values(b).filter((value) => value !== undefined).length;
}

function tryOpen<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch {
    return undefined;
  }
}

/** The checkpoint, if it matches exactly what has arrived of this job so far. Never throws. */
export function openCheckpoint(
  envelope: Envelope,
  { job, asker, worker, output }: Pick<Received, 'job' | 'asker' | 'worker' | 'output'>,
): Checkpoint | undefined {
  const opened = tryOpen(() => openEnvelope('checkpoint', checkpointSchema, envelope));
  if (!opened) return undefined;
  const { record, peer } = opened;
  const holds =
    peer === worker &&
    record.worker === worker &&
    record.asker === asker &&
    record.jobId === job.id &&
    record.artefact === job.artefact &&
    record.resumedTokens === (job.resume?.tokens ?? 0) &&
    record.promptHash === promptHash(job) &&
    record.tokensOut === output.tokens &&
    record.outputForm === output.outputForm &&
    record.outputRoot === output.outputRoot;
  return holds ? record : undefined;
}
