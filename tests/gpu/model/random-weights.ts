import { mulberry32 } from './random.ts';
import type { Parameter } from './library.ts';

/** Tokens below this number and at the end are bytes and marks: rarely sampled, so that an answer is words and goes on. */
export interface Quiet {
  readonly first: number;
  readonly last: number;
}

/** Standard deviation of a four-bit value drawn from -7 to 7. */
const nibbleDeviation = 4.32;
/** Of the logits: enough for one token to stand out, not enough for the same one always to win. */
const logitDeviation = 3;
/** What is attended to changes slowly: at full strength it would drown the last token, and every answer be one word. */
const attentionGain = 0.2;

/**
 * Weights that keep every layer's values near one, whatever the depth, and give logits of a moderate spread: the answers
 * are varied, finite, and the same for the same seed. Speed does not depend on what weights say.
 */
export function randomParameter(parameter: Parameter, seed: number, quiet: Quiet): Uint8Array {
  const random = mulberry32(seed);
  const count = parameter.shape.reduce((product, size) => product * size, 1);
  if (parameter.dtype === 'uint32') return nibbles(count, random);
  const values = new Float32Array(count);
  const columns = parameter.shape.at(-1)!;
  for (let at = 0; at < count; at++) values[at] = valueOf(parameter, Math.floor(at / columns), quiet, random);
  if (parameter.dtype === 'float32') return new Uint8Array(values.buffer);
  return new Uint8Array(new Float16Array(values).buffer);
}

function valueOf({ name, shape }: Parameter, row: number, quiet: Quiet, random: () => number): number {
  if (shape.length === 1) return /norm|\bln_/.test(name) && name.endsWith('weight') ? 1 : (random() - 0.5) * 0.2;
  const quantised = name.endsWith('q_scale');
  // A scale holds for 32 weights; it is given by the fan-in of the matrix it belongs to.
  const inputs = shape.at(-1)! * (quantised ? 32 : 1);
  const vocabulary = /embed_tokens|lm_head|\bwte\b/.test(name);
  const hushed = vocabulary && (row < quiet.first || row >= shape[0]! - quiet.last);
  const gain = vocabulary ? logitDeviation * (hushed ? 0.25 : 1) : /attn\.(?:o|c)_proj/.test(name) ? attentionGain : 1;
  const deviation = gain / Math.sqrt(inputs);
  return quantised ? deviation / nibbleDeviation : (random() - 0.5) * Math.sqrt(12) * deviation;
}

/** Eight values of four bits a word; 15 would stand for 8 and tilt the mean, so it becomes 7, which stands for 0. */
function nibbles(words: number, random: () => number): Uint8Array {
  const even = Uint8Array.from({ length: 256 }, (_, byte) => {
    const [high, low] = [byte >> 4, byte & 15];
    return ((high === 15 ? 7 : high) << 4) | (low === 15 ? 7 : low);
  });
  const bytes = new Uint8Array(words * 4);
  const view = new Uint32Array(bytes.buffer);
  for (let at = 0; at < words; at++) view[at] = random() * 2 ** 32;
  for (let at = 0; at < bytes.length; at++) bytes[at] = even[bytes[at]!]!;
  return bytes;
}
