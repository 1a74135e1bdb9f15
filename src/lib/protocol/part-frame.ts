import { errorCode, errorCodeLengthMax } from './errors.ts';
import { limits } from './limits.ts';
import type { Part } from './part.ts';

/**
 * Hand-written codec for text parts, which make up nearly every frame of an answer: schema validation alone would cost
 * more than everything else on a frame's path. Property tests check it against the schema and the general encoder.
 */
type TextPart = Extract<Part, { type: 'text-delta' | 'reasoning-delta' }>;

const utf8 = new TextEncoder();

/** DAG-CBOR of `{ t: 'part', part }`, for a part within its limits. */
export function encodePartFrame({ type, text, tokens, ids }: TextPart): Uint8Array {
  // A UTF-16 code unit is at most three bytes, an id at most five.
  const bytes = new Uint8Array(96 + text.length * 3 + (ids ? 10 + ids.length * 5 : 0));
  let at = put(bytes, 0, frameStart);
  bytes[at++] = 0xa0 | (ids ? 4 : 3);
  if (ids) {
    at = put(bytes, at, idsKey);
    at = head(bytes, at, 0x80, ids.length);
    for (const id of ids) at = head(bytes, at, 0x00, id);
  }
  at = put(bytes, at, textKey);
  // The length precedes the text but is not known yet: leave room for the longest head, then move the text down.
  const { written } = utf8.encodeInto(text, bytes.subarray(at + 5));
  const from = at + 5;
  at = head(bytes, at, 0x60, written);
  bytes.copyWithin(at, from, from + written);
  at = put(bytes, at + written, type === 'text-delta' ? textType : reasoningType);
  at = head(bytes, at, 0x00, tokens);
  return bytes.subarray(0, at);
}

const ascii = (text: string) => [0x60 | text.length, ...utf8.encode(text)];
const frameStart = Uint8Array.from([0xa2, ...ascii('t'), ...ascii('part'), ...ascii('part')]);
const idsKey = Uint8Array.from(ascii('ids'));
const textKey = Uint8Array.from(ascii('text'));
const tokensKey = ascii('tokens');
const textType = Uint8Array.from([...ascii('type'), ...ascii('text-delta'), ...tokensKey]);
const reasoningType = Uint8Array.from([...ascii('type'), ...ascii('reasoning-delta'), ...tokensKey]);

function put(bytes: Uint8Array, at: number, what: Uint8Array): number {
  bytes.set(what, at);
  return at + what.length;
}

/** A CBOR head in its shortest form, for arguments below 2^32. */
function head(bytes: Uint8Array, at: number, major: number, argument: number): number {
  if (argument < 24) {
    bytes[at] = major | argument;
    return at + 1;
  }
  const size = argument < 0x100 ? 1 : argument < 0x1_0000 ? 2 : 4;
  bytes[at] = major | (size === 1 ? 24 : size === 2 ? 25 : 26);
  for (let i = 0, rest = argument; i < size; i++, rest = Math.floor(rest / 256)) bytes[at + size - i] = rest % 256;
  return at + 1 + size;
}

/**
 * The text part in a decoded frame, under the same limits as the schema; unknown members are dropped. Undefined for
 * anything else, which is left to the schema.
 */
export function readPlainPart(raw: unknown): TextPart | undefined {
  if (!isRecord(raw) || raw['t'] !== 'part' || 'must' in raw) return undefined;
  const part = raw['part'];
  if (!isRecord(part)) return undefined;
  const { type, text, tokens, ids } = part;
  if (type !== 'text-delta' && type !== 'reasoning-delta') return undefined;
  if (typeof text !== 'string' || !isCount(tokens, limits.tokensPerPartMax)) return undefined;
  if (text.length * 3 > limits.partTextBytesMax && utf8.encode(text).length > limits.partTextBytesMax) return undefined;
  if (ids === undefined) return { type, text, tokens };
  if (!Array.isArray(ids) || ids.length > limits.tokensPerPartMax) return undefined;
  for (const id of ids) if (!isCount(id, 0xffff_ffff)) return undefined;
  return { type, text, tokens, ids };
}

type Warning = Extract<Part, { type: 'warning' }>;

/** The warning in a part of an engine, under the same limits as the schema; undefined for anything else. */
export function readPlainWarning(part: unknown): Warning | undefined {
  if (!isRecord(part) || part['type'] !== 'warning') return undefined;
  const { code, message } = part;
  if (typeof code !== 'string' || code.length > errorCodeLengthMax || !errorCode.test(code)) return undefined;
  if (typeof message !== 'string' || message.length > limits.errorMessageLengthMax) return undefined;
  return { type: 'warning', code, message };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCount = (value: unknown, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
