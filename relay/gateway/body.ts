import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { TabloomError } from '#lib/base/errors.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { HeaderReader } from './caller.ts';
import { gatewayError } from './errors.ts';
import { gatewayLimits } from './limits.ts';

/** Bytes left for all bodies being read at once: each may be large, but not all of them together. */
export interface BodyBudget {
  leftBytes: number;
}

export const createBodyBudget = (): BodyBudget => ({ leftBytes: gatewayLimits.bodiesBytesMax });

/**
 * Reads a JSON body, never reading or decompressing past the limit.
 * @throws `unsupported-media-type`, `unsupported-encoding`, `bad-encoding`, `body-too-large`, `bad-json`, and
 * `gateway-busy` while too much is being read for others.
 */
export async function readJson(
  request: { readonly headers: HeaderReader; readonly body?: AsyncIterable<Uint8Array> | null },
  budget: BodyBudget,
  body: AsyncIterable<Uint8Array> = request.body ?? nothing,
  bytesMax: number = gatewayLimits.bodyBytesMax,
): Promise<{ readonly value: unknown; readonly text: string }> {
  const [type, ...parameters] = (request.headers.get('content-type') ?? '').toLowerCase().split(';');
  // A foreign page can send other types without a preflight; this also keeps forms out.
  if (type!.trim() !== 'application/json') {
    throw gatewayError('unsupported-media-type', 'Send the body as JSON with "Content-Type: application/json".');
  }
  const charset = parameters.map((text) => /^\s*charset\s*=\s*"?([^"]*?)"?\s*$/.exec(text)?.[1]).find(Boolean);
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/.test(charset)) {
    throw gatewayError('bad-encoding', 'JSON must be UTF-8. Send it in UTF-8, without another charset.');
  }
  const received = await readBounded(request.headers, body, budget, bytesMax);
  const text = decode(await decompress(received, request.headers.get('content-encoding') ?? '', bytesMax));
  const value = parseJson(text);
  if (loneSurrogate.test(text) && loneSurrogate.test(JSON.stringify(value))) {
    throw gatewayError('bad-encoding', 'The body contains a lone surrogate, half a character. Send whole characters.');
  }
  return { value, text };
}

const nothing: AsyncIterable<never> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};

/** An escaped half of a surrogate pair; `JSON.stringify` leaves whole pairs unescaped. */
const loneSurrogate = /(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]/;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw gatewayError('bad-json', 'The body is not valid JSON. Correct it and send it again.');
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw gatewayError('bad-encoding', 'The body is not valid UTF-8. Send it in UTF-8.');
  }
}

type Decompress = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Uint8Array>;

/** `deflate` is zlib's format by the standard but raw deflate to some clients: the first byte tells them apart. */
const decompressors: Readonly<Record<string, Decompress>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: (bytes, options) => promisify((bytes[0]! & 0x0f) === 8 ? inflate : inflateRaw)(bytes, options),
  br: promisify(brotliDecompress),
};

async function decompress(bytes: Uint8Array, encoding: string, bytesMax: number): Promise<Uint8Array> {
  const name = encoding.trim().toLowerCase();
  if (name === '' || name === 'identity') return bytes;
  if (!Object.hasOwn(decompressors, name)) {
    throw gatewayError(
      'unsupported-encoding',
      'Send the body uncompressed, or with Content-Encoding gzip, deflate or br.',
    );
  }
  try {
    return await decompressors[name]!(bytes, { maxOutputLength: bytesMax });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bytesMax);
    throw gatewayError('bad-encoding', `The body is not valid ${name}. Send it again, or send it uncompressed.`);
  }
}

const tooLarge = (bytesMax: number) =>
  bytesMax < gatewayLimits.bodyBytesMax
    ? gatewayError('body-too-large', `A request of this kind has at most ${bytesMax} bytes. Send less at once.`)
    : gatewayError(
        'body-too-large',
        `A request has at most ${bytesMax} bytes, uncompressed. Shorten the conversation.`,
        'messages',
      );

async function readBounded(
  headers: HeaderReader,
  body: AsyncIterable<Uint8Array>,
  budget: BodyBudget,
  limit: number,
): Promise<Uint8Array> {
  const declared = Number(headers.get('content-length') ?? 0);
  if (declared > limit) throw tooLarge(limit);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.byteLength;
      budget.leftBytes -= chunk.byteLength;
      if (size > limit || budget.leftBytes < 0) break;
      chunks.push(chunk);
    }
    if (size > limit) throw tooLarge(limit);
    if (budget.leftBytes < 0)
      throw gatewayError('gateway-busy', 'This relay is reading as many requests as it can. Try again soon.');
  } catch (cause) {
    if (cause instanceof TabloomError) throw cause;
    throw wireError('cancelled', 'The request ended before its body did.', { cause });
  } finally {
    budget.leftBytes += size;
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
