import { concatBytes } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { transcriptSchema } from './transcript.ts';
import type { Transcript } from './transcript-spec.ts';

/** Characters of a link; longer ones are cut by programs that pass them on. */
export const linkLengthMax = 64_000;
/** Characters of a link that is opened: whatever a browser passes on. */
const fragmentLengthMax = 2_000_000;
/** Bytes of what a link unpacks to. */
const unpackedBytesMax = 8_000_000;
const version = 'v1.';

/**
 * A link that holds a conversation in its fragment, which browsers send to no server: `#v1.`, then JSON, deflated, in base64url.
 * @throws `link-too-long`.
 */
export async function toShareLink(transcript: Transcript, origin: string): Promise<string> {
  const bytes = await readAll(
    new Blob([JSON.stringify(transcript)]).stream().pipeThrough(new CompressionStream('deflate-raw')),
    Infinity,
  );
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  const link = `${origin}/shared#${version}${text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`;
  if (link.length > linkLengthMax)
    throw new TabloomError('link-too-long', 'This conversation is too long for a link. Export it as a file instead.');
  return link;
}

/** @param fragment of the address, with its `#`. @throws `link-unreadable`. */
export async function fromShareLink(fragment: string): Promise<Transcript> {
  const text = fragment.replace(/^#/, '');
  if (!text.startsWith(version) || text.length > fragmentLengthMax) throw unreadable();
  try {
    const packed = atob(text.slice(version.length).replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
    const json = await readAll(
      new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')),
      unpackedBytesMax,
    );
    return transcriptSchema.parse(JSON.parse(new TextDecoder().decode(json)));
  } catch {
    throw unreadable();
  }
}

const unreadable = () =>
  new TabloomError('link-unreadable', 'This link holds no conversation, or only part of one. Ask for it again.');

/** @throws if it is longer than `bytesMax`. */
async function readAll(stream: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > bytesMax) {
      await reader.cancel();
      throw new Error('too long');
    }
    chunks.push(value);
  }
  return concatBytes(...chunks);
}
