import { TabloomError } from '#lib/base/errors.ts';
import { customModel } from '#lib/engine/catalog.ts';
import type { ModelEntry, ModelSource } from '#lib/engine/spec.ts';
import type { OwnModel } from '#lib/state/tab.ts';

/**
 * The entry of a user-supplied model, its size as its server states it. A GGUF file has to have one, since what is longer is
 * refused while it arrives. @throws `bad-model`, `model-size-unknown`.
 */
export async function ownModel(
  own: OwnModel,
  sizeOf: (source: ModelSource) => Promise<number | undefined>,
): Promise<ModelEntry> {
  const { name, contextTokens, memoryBytes, base } = own;
  const size = async (source: ModelSource) => (await sizeOf(source).catch(() => undefined)) ?? 0;
  if (own.format === 'mlc') {
    const source = { kind: 'mlc', weightsUrl: own.weightsUrl, libraryUrl: own.libraryUrl } as const;
    const model = customModel({ name, base, source, contextTokens, memoryBytes });
    return { ...model, sizeBytes: await size(model.source) };
  }
  const sha256 = own.sha256.replace(/^sha256:/i, '').toLowerCase();
  const of = (sizeBytes: number) =>
    customModel({ name, base, source: { kind: 'gguf', url: own.url, sizeBytes, sha256 }, contextTokens, memoryBytes });
  // Whatever else is wrong with it is said before anything is asked of its server.
  const sizeBytes = await size(of(1).source);
  if (sizeBytes < 1) {
    throw new TabloomError(
      'model-size-unknown',
      'The server of this file did not say how large it is. Check the address, or use one that answers HEAD requests from web pages.',
    );
  }
  return of(sizeBytes);
}
