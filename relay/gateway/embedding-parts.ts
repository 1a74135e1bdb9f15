import { Readable } from 'node:stream';
import { TabloomError } from '#lib/base/errors.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { badRequest } from './errors.ts';
import { gatewayLimits } from './limits.ts';
import type { HeaderReader } from './caller.ts';
import type { JobCall, JobReply } from './routes/generate.ts';

/** As OpenAI allows, and as many as clients send at once: LangChain 512, the AI SDK 2,048. */
const textsMax = 2_048;
/** What one job holds with room to spare: its request is one frame. */
const partTextsMax = 128;
const partBytesMax = 96 * 1024;
const keyLengthMax = gatewayLimits.idempotencyKeyLengthMax;

/** Some of the texts of a request. */
export interface EmbeddingPart {
  readonly body: object;
  /** The place of the first of its texts in the whole. */
  readonly from: number;
}

/**
 * A request for more vectors than one job has room for, as several that have. Undefined for any other, among them those that
 * are wrong, which are refused as a whole.
 * @throws `bad-request` for more texts than a request may have.
 */
export function embeddingParts(body: unknown): readonly EmbeddingPart[] | undefined {
  const { input } = (typeof body === 'object' && body !== null ? body : {}) as { readonly input?: unknown };
  if (!Array.isArray(input) || !input.every((text) => typeof text === 'string')) return undefined;
  if (input.length > textsMax) {
    throw badRequest(`"input" takes at most ${textsMax} strings. Send them in parts.`, 'input');
  }
  const parts: string[][] = [];
  let bytes = 0;
  for (const text of input as readonly string[]) {
    const size = Buffer.byteLength(text);
    const last = parts.at(-1);
    if (!last || last.length === partTextsMax || bytes + size > partBytesMax) {
      parts.push([text]);
      bytes = size;
    } else {
      last.push(text);
      bytes += size;
    }
  }
  if (parts.length <= 1) return undefined;
  let from = 0;
  return parts.map((texts) => {
    const part = { body: { ...(body as object), input: texts }, from };
    from += texts.length;
    return part;
  });
}

interface EmbeddingList {
  readonly data: readonly object[];
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
  readonly tabloom: { readonly job: string };
}

/**
 * Answers the parts one after the other, and gives their vectors as one list. Each is a job with a receipt of its own, named in
 * `tabloom.jobs`; what else is told is that of the first. @throws what the first part throws that fails.
 */
export async function answerInParts(
  answer: (call: JobCall) => Promise<JobReply>,
  call: JobCall,
  parts: readonly EmbeddingPart[],
): Promise<JobReply> {
  // It is one request, and was counted.
  const rate = call.rate && { ...call.rate, takeRequest: async () => undefined };
  const lists: EmbeddingList[] = [];
  let headers: Record<string, string> = {};
  for (const [index, { body, from }] of parts.entries()) {
    const text = Buffer.from(JSON.stringify(body));
    const part = { ...call, rate, headers: headersOfPart(call.headers, index), body: Readable.from([text]) };
    const reply = await answer(part).catch((error: unknown) => {
      throw placed(error, from);
    });
    if (reply.type === 'streamed') throw wireError('internal');
    if (index === 0) headers = reply.headers;
    lists.push(JSON.parse(reply.body) as EmbeddingList);
  }
  const [first] = lists;
  const sum = (of: keyof EmbeddingList['usage']) => lists.reduce((total, { usage }) => total + usage[of], 0);
  const body = {
    ...first,
    data: lists.flatMap(({ data }) => data).map((vector, index) => ({ ...vector, index })),
    usage: { ...first?.usage, prompt_tokens: sum('prompt_tokens'), total_tokens: sum('total_tokens') },
    tabloom: { ...first?.tabloom, jobs: lists.map(({ tabloom }) => tabloom.job) },
  };
  return { type: 'whole', headers, body: JSON.stringify(body) };
}

/** Those of the request, without what was said of its bytes, and with an Idempotency-Key for each part. */
function headersOfPart(headers: HeaderReader, index: number): HeaderReader {
  const get = (name: string): string | null => {
    const value = headers.get(name);
    if (name === 'content-encoding' || name === 'content-length') return null;
    return name === 'idempotency-key' && value !== null ? `${index}/${value}`.slice(0, keyLengthMax) : value;
  };
  return { get, has: (name) => get(name) !== null };
}

/** An error that names a text of a part names it in the whole request. */
function placed(error: unknown, from: number): unknown {
  if (!(error instanceof TabloomError)) return error;
  const index = /^input\.(\d+)$/.exec(String(error.details['param']))?.[1];
  if (index === undefined) return error;
  const param = `input.${from + Number(index)}`;
  const message = error.message.replace(`"input.${index}"`, `"${param}"`);
  return new TabloomError(error.code, message, { details: { ...error.details, param }, cause: error });
}
