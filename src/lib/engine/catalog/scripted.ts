import { sha256 } from '@noble/hashes/sha2.js';
import { toHex, utf8Encode } from '#lib/base/bytes.ts';
import type { ModelEntry } from '../spec.ts';

/** An entry for the scripted double, answering at the given rate. For tests and benchmarks; never shown to users. */
export function scriptedModel(tokensPerSecond: number): ModelEntry {
  const name = `scripted-${tokensPerSecond}`;
  return {
    name,
    title: `Scripted, ${tokensPerSecond} tokens/s`,
    engines: ['scripted'],
    artefact: toHex(sha256(utf8Encode(`tabloom scripted model ${name}`))),
    contextTokens: 4_096,
    quantisation: 'none',
    parameters: 0,
    sizeBytes: 0,
    memoryBytes: 0,
    licence: 'MIT',
    source: { kind: 'scripted' },
  };
}
