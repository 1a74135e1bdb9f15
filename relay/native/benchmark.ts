import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Measured } from '#lib/protocol/offer.ts';

const prompt = 'Count from one to twenty.';
const tokensMax = 16;

/** One short answer, so that the first offer tells a speed that was seen. @throws what the engine throws. */
export async function benchmark(model: LoadedModel, options: { readonly signal: AbortSignal }): Promise<Measured> {
  const request = {
    kind: 'chat' as const,
    messages: [{ role: 'user' as const, content: prompt }],
    params: { maxTokens: tokensMax, temperature: 0 },
  };
  for await (const event of model.doStream(request, options)) {
    if (event.type !== 'finish') continue;
    const { usage, timings } = event;
    return {
      prefillTps: rate(usage.tokensIn, timings.ttftMs),
      decodeTps: rate(usage.tokensOut - 1, timings.decodeMs),
      ttftMs: timings.ttftMs,
    };
  }
  return { prefillTps: 0, decodeTps: 0, ttftMs: 0 };
}

const rate = (tokens: number, ms: number) => (ms > 0 && tokens > 0 ? (tokens * 1_000) / ms : 0);
