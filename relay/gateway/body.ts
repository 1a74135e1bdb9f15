import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { TabloomError } from '#lib/base/errors.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { doorError } from './errors.ts';
import { gatewayLimits } from './limits.ts';

/** Bytes of bodies being read over all callers: one may be large, all of them together not. */
export interface BodyBudget {
  leftBytes: number;
}

export const createBodyBudget = (): BodyBudget => ({ leftBytes: gatewayLimits.bodiesBytesMax });

/**
 * The JSON body of a request, never reading or unpacking past the limit.
 * @throws `unsupported-media-type`, `unsupported-encoding`, `bad-encoding`, `body-too-large`, `bad-json`, and
 * `gateway-busy` while too much is being read for others.
 */
export async function readJson(
  request: Request,
  budget: BodyBudget,
): Promise<{ readonly value: unknown; readonly text: string }> {
  const [type, ...parameters] = (request.headers.get('content-type') ?? '').toLowerCase().split(';');
  // A foreign page can send other types without asking first; this is also what keeps forms out.
  if (type!.trim() !== 'application/json') {
    throw doorError('unsupported-media-type', 'Send the body as JSON with "Content-Type: application/json".');
  }
  const charset = parameters.map((text) => /^\s*charset\s*=\s*"?([^"]*?)"?\s*$/.exec(text)?.[1]).find(Boolean);
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/.test(charset)) {
    throw doorError('bad-encoding', 'JSON is read as UTF-8 here. Send it in UTF-8, without another charset.');
  }
  const packed = await readBounded(request, budget);
  const text = decode(await unpack(packed, request.headers.get('content-encoding') ?? ''));
  const value = parseJson(text);
  if (loneSurrogate.test(text) && loneSurrogate.test(JSON.stringify(value))) {
    throw doorError('bad-encoding', 'The body holds half a character (a lone surrogate). Send whole ones.');
  }
  return { value, text };
}

/** An escaped half of a surrogate pair: `stringify` writes whole pairs as they are. */
const loneSurrogate = /(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]/;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw doorError('bad-json', 'The body is not valid JSON. Correct it and send it again.');
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw doorError('bad-encoding', 'The body is not valid UTF-8. Send it in UTF-8.');
  }
}

type Unpack = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Uint8Array>;

/** `deflate` means zlib's form by the standard, and the raw one to some clients: the first byte tells. */
const encodings: Readonly<Record<string, Unpack>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: (bytes, options) => promisify((bytes[0]! & 0x0f) === 8 ? inflate : inflateRaw)(bytes, options),
  br: promisify(brotliDecompress),
};

async function unpack(bytes: Uint8Array, encoding: string): Promise<Uint8Array> {
  const name = encoding.trim().toLowerCase();
  if (name === '' || name === 'identity') return bytes;
  if (!Object.hasOwn(encodings, name)) {
    throw doorError('unsupported-encoding', 'A body may be sent plain, or with Content-Encoding gzip, deflate or br.');
  }
  try {
    return await encodings[name]!(bytes, { maxOutputLength: gatewayLimits.bodyBytesMax });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw doorError('bad-encoding', `The body is not valid ${name}. Send it again, or send it plain.`);
  }
}

const tooLarge = () =>
  doorError(
    'body-too-large',
    `A request has at most ${gatewayLimits.bodyBytesMax} bytes, unpacked. Shorten the conversation.`,
    'messages',
  );

async function readBounded(request: Request, budget: BodyBudget): Promise<Uint8Array> {
  const limit = gatewayLimits.bodyBytesMax;
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > limit) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of request.body ?? []) {
      size += chunk.byteLength;
      budget.leftBytes -= chunk.byteLength;
      if (size > limit || budget.leftBytes < 0) break;
      chunks.push(chunk);
    }
    if (size > limit) throw tooLarge();
    if (budget.leftBytes < 0)
      throw doorError('gateway-busy', 'This relay is reading as much as it can. Try again soon.');
  } catch (cause) {
    if (cause instanceof TabloomError) throw cause;
    throw wireError('cancelled', 'The request ended before its body did.', { cause });
  } finally {
    budget.leftBytes += size;
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
