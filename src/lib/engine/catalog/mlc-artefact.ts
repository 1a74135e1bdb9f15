import { sha256 } from '@noble/hashes/sha2.js';
import { toHex, utf8Encode } from '#lib/base/bytes.ts';
import { artefactId } from '#lib/protocol/artefact.ts';
import type { ArtefactId } from '#lib/protocol/ids.ts';

/**
 * The artefact id of a WebLLM model whose file hashes are unknown: that of a manifest with hashes of the two addresses
 * in place of file hashes. Peers using the same addresses mean the same model, as far as they trust the publisher. The
 * id does not prove the bytes, and if an address names a branch (`resolve/main`), its content may change under the same
 * id. A mirror of the same files has a different id.
 */
export function mlcArtefact(source: { readonly weightsUrl: string; readonly libraryUrl: string }): ArtefactId {
  const named = (path: string, url: string) => ({ path, sizeBytes: 0, sha256: toHex(sha256(utf8Encode(url))) });
  return artefactId({ files: [named('weights-url', source.weightsUrl), named('library-url', source.libraryUrl)] });
}
