import { wireError } from '#lib/protocol/errors.ts';
import { doorError } from './errors.ts';
import { gatewayLimits } from './limits.ts';

/**
 * The JSON body of a request, never reading past the limit.
 * @throws `unsupported-media-type`, `body-too-large`, `bad-json`.
 */
export async function readJson(request: Request): Promise<{ readonly value: unknown; readonly text: string }> {
  // A foreign page can send other types without asking first; this is also what keeps forms out.
  const type = request.headers.get('content-type')?.split(';')[0]!.trim().toLowerCase();
  if (type !== 'application/json') {
    throw doorError('unsupported-media-type', 'Send the body as JSON with "Content-Type: application/json".');
  }
  const text = new TextDecoder().decode(await readBounded(request));
  try {
    return { value: JSON.parse(text), text };
  } catch {
    throw doorError('bad-json', 'The body is not valid JSON. Correct it and send it again.');
  }
}

async function readBounded(request: Request): Promise<Uint8Array> {
  const limit = gatewayLimits.bodyBytesMax;
  const tooLarge = () =>
    doorError('body-too-large', `A request has at most ${limit} bytes. Shorten the conversation.`, 'messages');
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > limit) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of request.body ?? []) {
      size += chunk.byteLength;
      if (size > limit) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw wireError('cancelled', 'The request ended before its body did.', { cause });
  }
  if (size > limit) throw tooLarge();
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
