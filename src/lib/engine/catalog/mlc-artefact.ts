import { sha256 } from '@noble/hashes/sha2.js';
import { toHex, utf8Encode } from '#lib/base/bytes.ts';
import { artefactId } from '#lib/protocol/artefact.ts';
import type { ArtefactId } from '#lib/protocol/ids.ts';

/**
 * The artefact id of a WebLLM model whose files nobody here has hashed: of a manifest with the two addresses in place of
 * file hashes. Two peers with the same addresses mean the same model, as far as they trust the publisher; it does not
 * prove bytes, and where an address names a branch (`resolve/main`), what stands there may change under one id. A mirror
 * of the same files has another id until a manifest of hashed files is used for both.
 */
export function mlcArtefact(source: { readonly weightsUrl: string; readonly libraryUrl: string }): ArtefactId {
  const named = (path: string, url: string) => ({ path, sizeBytes: 0, sha256: toHex(sha256(utf8Encode(url))) });
  return artefactId({ files: [named('weights-url', source.weightsUrl), named('library-url', source.libraryUrl)] });
}
