import { unreceiptedTokens, type Attempt } from '#lib/peer/session/attempt.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import type { ReceiptCheck } from '#lib/peer/spec.ts';
import { decodeCbor } from '#lib/protocol/cbor.ts';
import { encodeEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import type { Part, Usage } from '#lib/protocol/part.ts';
import { receiptSchema, type Receipt } from '#lib/protocol/receipt.ts';
import type { RequestWarning } from './parameters.ts';
import type { Wish } from './request.ts';

/** What stands in every object of one answer. */
export interface AnswerHead {
  /** The job's id. */
  readonly id: string;
  /** The model as the caller named it; the answer says the worker's name for it. */
  readonly model: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly maxTokens: number | undefined;
  readonly warnings: readonly RequestWarning[];
}

/** How a kind of answer is written. */
export interface AnswerForm {
  whole(head: AnswerHead, state: JobState): object;
  chunks(head: AnswerHead, usageChunk: Wish['usageChunk']): ChunkWriter;
}

/** Server-sent events of one answer; the empty text is none. */
export interface ChunkWriter {
  begin(): string;
  part(part: Part): string;
  /** The last chunks, of which the very last carries who answered and the receipt. */
  finish(state: JobState): string;
}

/** What this network adds to an OpenAI answer, as its member `tabloom`. OpenAI's clients pass it over. */
export interface AnswerExtension {
  readonly job: string;
  readonly peer: string | null;
  readonly role: string | null;
  readonly path: string | null;
  readonly tier: string | null;
  readonly model: string | null;
  readonly artefact: string | null;
  /** The limit the answer was made under, whatever the request named. */
  readonly max_tokens: number | null;
  readonly engine: { readonly name: string; readonly build: string; readonly deviceClass: string } | null;
  /** Who delivered which tokens; one entry unless an answer went on elsewhere. */
  readonly parts: readonly PartExtension[];
  /** Of the worker that finished it. */
  readonly receipt: ReceiptExtension | null;
  readonly warnings: readonly (RequestWarning | { readonly code: string; readonly message: string })[];
}

export interface PartExtension {
  readonly peer: string;
  readonly from_token: number;
  readonly to_token: number;
  readonly receipt: ReceiptExtension | null;
  /** The worker's signed envelope over what it had sent at its last checkpoint, base64. */
  readonly checkpoint: string | null;
  /** Tokens that neither speaks for. */
  readonly unreceipted_tokens: number;
}

export interface ReceiptExtension {
  /** The receipt's fields, for reading. Believe the envelope, not these. */
  readonly record: Receipt;
  /** DAG-CBOR of the worker's signed envelope, base64: verifiable by anybody, offline. */
  readonly envelope: string;
  /** The asker's envelope over the same receipt; null while under way. */
  readonly countersign: string | null;
  /** What this gateway checked. */
  readonly checks: ReceiptCheck;
}

export function describeAnswer(head: AnswerHead, { worker, path, attempts, warnings }: JobState): AnswerExtension {
  return {
    job: head.id,
    peer: worker?.peer ?? null,
    role: worker?.role ?? null,
    path: path ?? null,
    tier: worker?.tier ?? null,
    model: worker?.model ?? null,
    artefact: worker?.artefact ?? null,
    max_tokens: head.maxTokens ?? null,
    engine: worker?.engine ?? null,
    parts: attempts.filter(({ fromToken, toToken }) => toToken > fromToken).map(describePart),
    receipt: describeReceipt(attempts.findLast(({ settlement }) => settlement)),
    warnings: [...head.warnings, ...warnings.map(({ code, message }) => ({ code, message }))],
  };
}

/** What one worker delivered of the answer, and what it signed for it. */
const describePart = (attempt: Attempt): PartExtension => ({
  peer: attempt.worker.peer,
  from_token: attempt.fromToken,
  to_token: attempt.toToken,
  receipt: describeReceipt(attempt),
  checkpoint: attempt.checkpoint ? base64(attempt.checkpoint.envelope) : null,
  unreceipted_tokens: unreceiptedTokens(attempt),
});

function describeReceipt(attempt: Attempt | undefined): ReceiptExtension | null {
  if (!attempt?.settlement) return null;
  const { receipt, receiptCheck } = attempt.settlement;
  return {
    record: decodeCbor(receiptSchema, receipt.receipt.payload, 'bad-record'),
    envelope: base64(receipt.receipt),
    countersign: receipt.countersign ? base64(receipt.countersign) : null,
    checks: receiptCheck,
  };
}

export function writeUsage(usage: Usage | undefined) {
  const { tokensIn, tokensOut } = usage ?? { tokensIn: 0, tokensOut: 0 };
  return { prompt_tokens: tokensIn, completion_tokens: tokensOut, total_tokens: tokensIn + tokensOut };
}

/**
 * OpenAI has no word for an answer that was stopped; its clients stop by leaving. Some engines end a call with `stop`,
 * which clients would take for an answer.
 */
export function finishReason({ reason, output }: JobState): 'stop' | 'length' | 'tool_calls' | 'content_filter' {
  if (reason === 'length') return 'length';
  if (reason === 'content-filter') return 'content_filter';
  return reason === 'tool-calls' || output.toolCalls.length > 0 ? 'tool_calls' : 'stop';
}

/** What is known when the answer begins, as headers. */
export function answerHeaders(id: string, { worker, path }: JobState): Record<string, string> {
  return {
    'x-request-id': id,
    'x-tabloom-job': id,
    ...(worker ? { 'x-tabloom-peer': worker.peer, 'x-tabloom-tier': worker.tier } : {}),
    ...(path ? { 'x-tabloom-path': path } : {}),
  };
}

const base64 = (envelope: Envelope) => Buffer.from(encodeEnvelope(envelope)).toString('base64');
