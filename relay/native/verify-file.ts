import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { throwIfAborted } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';

/** A file on this machine is the one the catalog means, by size and hash. @throws `load-failed`, `model-corrupt`, `aborted`. */
export async function verifyFile(
  path: string,
  expected: { readonly sizeBytes: number; readonly sha256: string },
  options: { readonly signal?: AbortSignal | undefined; readonly onBytes: (loadedBytes: number) => void },
): Promise<void> {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw new TabloomError('load-failed', `There is no model file at ${path}. Restore it from the repository.`, {
      cause,
    });
  });
  const corrupt = (what: string) =>
    new TabloomError('model-corrupt', `The model file at ${path} is not the one expected: ${what}. Restore it.`);
  if (size !== expected.sizeBytes) throw corrupt(`it has ${size} bytes and not ${expected.sizeBytes}`);
  const hash = createHash('sha256');
  let loadedBytes = 0;
  for await (const bytes of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    throwIfAborted(options.signal);
    const chunk = bytes as Uint8Array;
    hash.update(chunk);
    loadedBytes += chunk.length;
    options.onBytes(loadedBytes);
  }
  if (hash.digest('hex') !== expected.sha256) throw corrupt('its hash is another');
}
