import { sha256 } from '@noble/hashes/sha2.js';
import { toHex, utf8Encode } from '#lib/base/bytes.ts';
import type { ModelEntry } from '../spec.ts';

/**
 * A model of somebody else's server. Its artefact id is of the name alone, since nobody here sees its files: give the
 * id of a catalog model as `artefact` when the server is known to hold exactly that.
 */
export function remoteModel(remote: {
  readonly remoteName: string;
  readonly name?: string;
  readonly contextTokens: number;
  readonly artefact?: string;
}): ModelEntry {
  const name = remote.name ?? remote.remoteName;
  return {
    name,
    title: name,
    engines: ['openai-compatible'],
    artefact: remote.artefact ?? toHex(sha256(utf8Encode(`tabloom remote model ${remote.remoteName}`))),
    contextTokens: remote.contextTokens,
    quantisation: 'unknown',
    parameters: 0,
    sizeBytes: 0,
    memoryBytes: 0,
    licence: 'unknown',
    source: { kind: 'remote', remoteName: remote.remoteName },
  };
}
