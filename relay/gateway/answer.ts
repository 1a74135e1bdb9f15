import { unreceiptedTokens, type Attempt } from '#lib/peer/session/attempt.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import type { RouteView } from '#lib/peer/spec.ts';
import type { TierFinding } from '#lib/peer/tiers/check.ts';
import { encodeEnvelope, recordOf, type Envelope } from '#lib/protocol/envelope.ts';
import type { Part, Usage } from '#lib/protocol/part.ts';
import { receiptSchema, type SignedReceipt } from '#lib/protocol/receipt.ts';
import type {
  AnswerExtension,
  AuditExtension,
  PartExtension,
  ReceiptExtension,
  ReceiptRecord,
} from './answer-extension.ts';
import type { HttpError } from './errors.ts';
import type { RequestWarning } from './parameters.ts';
import type { ParsedRequest } from './request.ts';

/** Metadata common to every object of one answer. */
export interface AnswerMetadata {
  /** The job's id. */
  readonly id: string;
  /** The worker's name for the model, or the caller's while there is no worker. */
  readonly model: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly maxTokens: number | undefined;
  readonly warnings: readonly RequestWarning[];
}

/** Writes the answers of one kind of work. */
export interface AnswerFormat {
  whole(metadata: AnswerMetadata, state: JobState): object;
  chunks(metadata: AnswerMetadata, usageChunk: ParsedRequest['usageChunk']): ChunkWriter;
}

/** Writes the server-sent events of one answer; an empty string is no event. */
export interface ChunkWriter {
  begin(): string;
  part(part: Part): string;
  /** The final chunks, one of them with the worker and the receipt, and the mark of the end. */
  finish(state: JobState): string;
  /** The last chunk of an answer that broke off. */
  fail(error: HttpError): string;
}

export function describeAnswer(
  metadata: AnswerMetadata,
  { job, worker, path, attempts, warnings }: JobState,
): AnswerExtension {
  const settled = attempts.findLast(({ settlement }) => settlement);
  const receipt = describeReceipt(settled);
  return {
    job: job?.id ?? metadata.id,
    ...(job ? { salt: job.salt } : {}),
    peer: worker?.peer ?? null,
    role: worker?.role ?? null,
    path: path ?? null,
    tier: worker?.tier ?? null,
    ...(worker?.checked ? { audit: describeChecks(worker.checked) } : {}),
    model: worker?.model ?? null,
    artefact: worker?.artefact ?? null,
    max_tokens: metadata.maxTokens ?? null,
    engine: worker?.engine ?? null,
    parts: attempts
      .filter(({ fromToken, toToken }) => toToken > fromToken)
      .map((attempt) => describePart(attempt, attempt === settled ? receipt : describeReceipt(attempt))),
    receipt,
    warnings: [...metadata.warnings, ...warnings.map(({ code, message }) => ({ code, message }))],
  };
}

/** Single checks, and no word for all of them. */
export const describeChecks = ({ bond, audits }: TierFinding): AuditExtension => ({
  bond,
  share_audited: audits.receipts === 0 ? 0 : audits.audited / audits.receipts,
  audited: audits.audited,
  ...(audits.margin === undefined ? {} : { margin: audits.margin }),
  validators: audits.validators,
  ...(audits.series ? { series: audits.series } : {}),
});

/** The part of the answer that one worker delivered, and what it signed for it. */
const describePart = (attempt: Attempt, receipt: ReceiptExtension | null): PartExtension => ({
  peer: attempt.worker.peer,
  from_token: attempt.fromToken,
  to_token: attempt.toToken,
  receipt,
  checkpoint: attempt.checkpoint ? base64(attempt.checkpoint.envelope) : null,
  unreceipted_tokens: unreceiptedTokens(attempt),
});

function describeReceipt(attempt: Attempt | undefined): ReceiptExtension | null {
  if (!attempt?.settlement) return null;
  const { receipt, receiptCheck } = attempt.settlement;
  return { ...writeReceipt(receipt), checks: receiptCheck };
}

export const writeReceipt = ({ receipt, countersign }: SignedReceipt): ReceiptRecord => ({
  record: recordOf(receiptSchema, receipt),
  envelope: base64(receipt),
  countersign: countersign ? base64(countersign) : null,
});

export function writeUsage(usage: Usage | undefined) {
  const { tokensIn, tokensOut } = usage ?? { tokensIn: 0, tokensOut: 0 };
  return { prompt_tokens: tokensIn, completion_tokens: tokensOut, total_tokens: tokensIn + tokensOut };
}

/**
 * OpenAI has no reason for an answer that was stopped, since its clients stop by disconnecting. Some engines end a tool
 * call with `stop`, which clients would take for a text answer.
 */
export function finishReason({ reason, output }: JobState): 'stop' | 'length' | 'tool_calls' | 'content_filter' {
  if (reason === 'length') return 'length';
  if (reason === 'content-filter') return 'content_filter';
  return reason === 'tool-calls' || output.toolCalls.length > 0 ? 'tool_calls' : 'stop';
}

/** Whether the text of an answer is a refusal, as its engine reported before it. */
export const isRefusal = ({ warnings }: Pick<JobState, 'warnings'>): boolean =>
  warnings.some(({ code }) => code === 'refusal');

/** What is known when the answer starts, as headers. */
export function answerHeaders(
  { id, warnings }: AnswerMetadata,
  { worker, path, warnings: workers }: JobState,
): Record<string, string> {
  const reported = [...warnings, ...workers.map(({ code }) => ({ code, param: undefined }))];
  return {
    ...(reported.length > 0 ? { 'x-tabloom-warnings': reported.map(warningHeader).join(', ') } : {}),
    'x-request-id': id,
    'x-tabloom-job': id,
    ...(worker ? { 'x-tabloom-peer': worker.peer, 'x-tabloom-tier': worker.tier } : {}),
    ...(path ? { 'x-tabloom-path': path } : {}),
    ...(worker?.route ? { 'x-tabloom-route': routeHeader(worker.route) } : {}),
  };
}

/** `established; stranger=48; slower=2`: how far the worker is trusted, and how many were passed over for which reason. */
const routeHeader = ({ level, passed }: RouteView): string =>
  [level, ...Object.entries(passed).map(([reason, count]) => `${reason}=${count}`)].join('; ');

/** `parameter-ignored; param="verbosity"`. A name is quoted without what a header could not hold. */
const warningHeader = ({ code, param }: { readonly code: string; readonly param: string | undefined }): string =>
  param === undefined ? code : `${code}; param="${param.replaceAll(/[^ -~]|["\\]/g, '?')}"`;

const base64 = (envelope: Envelope) => Buffer.from(encodeEnvelope(envelope)).toString('base64');
