import { limits } from '#lib/protocol/limits.ts';
import type { Part } from '#lib/protocol/part.ts';

/** Code units of one part; each takes at most three bytes of UTF-8. */
const partLengthMax = Math.floor(limits.partTextBytesMax / 4);

/** A large delta (text, a tool call or hidden tokens) as parts within the wire's limits; all other parts as they are. */
export function splitPart(part: Part): readonly Part[] {
  if (part.type === 'text-delta' || part.type === 'reasoning-delta') {
    if (part.text.length <= partLengthMax && part.tokens <= limits.tokensPerPartMax) return [part];
    return [...pieces(part.text, part.tokens)].map(({ text, tokens }) => ({ ...part, text, tokens }));
  }
  if (part.type !== 'tool-call-delta') return [part];
  const { type, index, ...begun } = part;
  return [...pieces(part.arguments, part.tokens)].map(({ text, tokens }, at) => ({
    type,
    index,
    ...(at === 0 ? begun : {}),
    arguments: text,
    tokens,
  }));
}

function* pieces(text: string, tokens: number): Generator<{ readonly text: string; readonly tokens: number }> {
  do {
    let cut = Math.min(text.length, partLengthMax);
    // Never split a surrogate pair.
    if (cut < text.length && /[\uD800-\uDBFF]/.test(text[cut - 1]!)) cut -= 1;
    const now = Math.min(tokens, limits.tokensPerPartMax);
    yield { text: text.slice(0, cut), tokens: now };
    text = text.slice(cut);
    tokens -= now;
  } while (text !== '' || tokens > 0);
}
