import { decodeCbor } from '#lib/protocol/cbor.ts';
import { encodeEnvelope, type Envelope } from '#lib/protocol/envelope.ts';
import { receiptSchema, type Receipt } from '#lib/protocol/receipt.ts';
import type { JobState } from '#lib/peer/lifecycle.ts';
import type { ReceiptCheck } from '#lib/peer/spec.ts';
import type { RequestWarning } from './warnings.ts';

/** What this network adds to an OpenAI answer, as its member `tabloom`. OpenAI's clients pass it over. */
export interface AnswerExtension {
  readonly job: string;
  readonly peer: string | null;
  readonly role: string | null;
  readonly path: string | null;
  readonly tier: string | null;
  readonly model: string | null;
  readonly artefact: string | null;
  readonly engine: { readonly name: string; readonly build: string; readonly deviceClass: string } | null;
  readonly receipt: ReceiptExtension | null;
  readonly warnings: readonly (RequestWarning | { readonly code: string; readonly message: string })[];
}

export interface ReceiptExtension {
  /** The receipt's fields, for reading. Believe the envelope, not these. */
  readonly record: Receipt;
  /** DAG-CBOR of the worker's signed envelope, base64: verifiable by anybody, offline. */
  readonly envelope: string;
  /** The asker's envelope over the same receipt; null while under way. */
  readonly countersign: string | null;
  /** What this gateway checked. */
  readonly checks: ReceiptCheck | null;
}

export function describeAnswer(
  id: string,
  { worker, path, receipt, receiptCheck, warnings }: JobState,
  requestWarnings: readonly RequestWarning[],
): AnswerExtension {
  return {
    job: id,
    peer: worker?.peer ?? null,
    role: worker?.role ?? null,
    path: path ?? null,
    tier: worker?.tier ?? null,
    model: worker?.model ?? null,
    artefact: worker?.artefact ?? null,
    engine: worker?.engine ?? null,
    receipt: receipt
      ? {
          record: decodeCbor(receiptSchema, receipt.receipt.payload, 'bad-record'),
          envelope: base64(receipt.receipt),
          countersign: receipt.countersign ? base64(receipt.countersign) : null,
          checks: receiptCheck ?? null,
        }
      : null,
    warnings: [...requestWarnings, ...warnings.map(({ code, message }) => ({ code, message }))],
  };
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
