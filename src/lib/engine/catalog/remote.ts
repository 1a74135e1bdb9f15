import { sha256 } from '@noble/hashes/sha2.js';
import { toHex, utf8Encode } from '#lib/base/bytes.ts';
import type { ModelEntry } from '../spec.ts';

/**
 * A model on an OpenAI-compatible server. Its files are not accessible, so the artefact id is derived from the name
 * alone; pass a catalog model's id as `artefact` if the server is known to hold exactly that model.
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
