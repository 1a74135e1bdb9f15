import { TabloomError } from '#lib/base/errors.ts';
import type { KnownOutput } from './verify.ts';

/** A receipt as a gateway writes it: envelopes in base64, with the fields beside them for convenience. */
export interface PresentedReceipt {
  readonly envelope: Uint8Array;
  readonly countersign?: Uint8Array | undefined;
  /** The fields that were shown; undefined where none were. */
  readonly record?: unknown;
  /** What a gateway says was checked of its worker, as it stands beside it. */
  readonly audit?: unknown;
}

/** What was found in a file: its receipts, and the answer and salt that came with them. */
export interface Presented {
  readonly receipts: readonly PresentedReceipt[];
  readonly output?: KnownOutput | undefined;
  readonly salt?: string | undefined;
  /** What a gateway says was checked of the answer's worker, as it stands there. */
  readonly audit?: unknown;
}

/** Bytes of a file, receipts in it, and how deep they may lie. */
export const presentedBytesMax = 8 * 1024 * 1024;
const receiptsMax = 1_000;
const depthMax = 8;

/**
 * Reads what the API hands out: one receipt, the list of a job's receipts, or a whole answer with its member `tabloom`.
 * @throws `bad-receipt` for a text that is no JSON, is too large, or holds no receipt.
 */
export function readPresented(text: string): Presented {
  if (text.length > presentedBytesMax) throw bad(`It has more than ${presentedBytesMax} bytes.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw bad('It is not JSON.', cause);
  }
  const found = new Map<string, PresentedReceipt>();
  collect(value, 0, found);
  if (found.size === 0) throw bad('There is no receipt in it.');
  const salt = member(member(value, 'tabloom'), 'salt');
  return {
    receipts: [...found.values()],
    output: outputOf(value),
    ...(typeof salt === 'string' ? { salt } : {}),
    audit: member(member(value, 'tabloom'), 'audit'),
  };
}

function collect(value: unknown, depth: number, found: Map<string, PresentedReceipt>): void {
  if (typeof value !== 'object' || value === null || depth > depthMax || found.size >= receiptsMax) return;
  const envelope = member(value, 'envelope');
  if (typeof envelope === 'string' && !found.has(envelope)) {
    const countersign = member(value, 'countersign');
    found.set(envelope, {
      envelope: fromBase64(envelope),
      ...(typeof countersign === 'string' ? { countersign: fromBase64(countersign) } : {}),
      record: member(value, 'record'),
      audit: member(value, 'audit'),
    });
  }
  for (const inner of Object.values(value)) collect(inner, depth + 1, found);
}

/** The text of a chat completion or a completion with one choice. An answer by several workers has no receipt over all of it. */
function outputOf(value: unknown): KnownOutput | undefined {
  const choices = member(value, 'choices');
  const parts = member(member(value, 'tabloom'), 'parts');
  if (!Array.isArray(choices) || choices.length !== 1 || (Array.isArray(parts) && parts.length > 1)) return undefined;
  const message = member(choices[0], 'message');
  const calls = member(message, 'tool_calls');
  if (Array.isArray(calls) && calls.length > 0) return undefined;
  const text = member(message, 'content') ?? member(choices[0], 'text');
  const reasoning = member(message, 'reasoning_content') ?? member(message, 'reasoning');
  if (typeof text !== 'string') return undefined;
  return { text, ...(typeof reasoning === 'string' ? { reasoning } : {}) };
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;

/** @throws `bad-receipt`. */
function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (cause) {
    throw bad('Its envelope is not base64.', cause);
  }
}

const bad = (why: string, cause?: unknown): TabloomError =>
  new TabloomError('bad-receipt', `This is no receipt that the API hands out. ${why}`, { cause });
