import { limits } from '#lib/protocol/limits.ts';
import type { EngineEvent } from '../spec.ts';

/** Code units of one part; each takes at most three bytes of UTF-8. */
const partLengthMax = Math.floor(limits.partTextBytesMax / 4);

/** Splits large deltas (text, tool calls or hidden tokens) into parts within the wire's limits. */
export async function* inParts(events: AsyncIterable<EngineEvent>): AsyncGenerator<EngineEvent> {
  for await (const event of events) {
    if (event.type === 'text-delta' || event.type === 'reasoning-delta') {
      for (const { text, tokens } of pieces(event.text, event.tokens)) yield { ...event, text, tokens };
    } else if (event.type === 'tool-call-delta') {
      const { type, index, ...begun } = event;
      let first: Partial<typeof begun> = begun;
      for (const { text, tokens } of pieces(event.arguments, event.tokens)) {
        yield { type, index, ...first, arguments: text, tokens };
        first = {};
      }
    } else yield event;
  }
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
