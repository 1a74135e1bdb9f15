import { concatBytes } from '#lib/base/bytes.ts';
import { weightsListFile } from '#lib/engine/files/mlc-layout.ts';
import type { ModelSource } from '#lib/engine/spec.ts';

const timeoutMs = 8_000;
/** Lists of large models have some hundred kilobytes. */
const listBytesMax = 4 * 1024 * 1024;

/** Bytes of a model's weights by their publisher's own list of files; undefined where there is none to be read. */
export async function downloadBytes(
  source: ModelSource,
  { fetch }: { readonly fetch: typeof globalThis.fetch },
): Promise<number | undefined> {
  if (source.kind === 'gguf') return source.sizeBytes;
  if (source.kind !== 'mlc') return undefined;
  const list = weightsListFile(source);
  const response = await fetch(list.url, { signal: AbortSignal.timeout(timeoutMs), credentials: 'omit' });
  if (!response.ok || !response.body) return undefined;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const piece of response.body) {
    length += piece.length;
    if (length > listBytesMax) return undefined;
    pieces.push(piece);
  }
  return list.read(concatBytes(...pieces))?.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
