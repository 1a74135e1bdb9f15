import type { Measured } from '#lib/protocol/offer.ts';
import { speedOf } from './middleware/meter.ts';
import type { LoadedModel } from './spec.ts';

/** Shares no prefix with the measured prompt, so that the engine's prefix cache does not help. */
const warmUpPrompt = 'Say a word.';

/** Long enough for prefill to be measurable, and unlikely to be answered briefly. */
const prompt = 'one two three four five six seven eight nine ten eleven twelve '.repeat(3).trim();
const answerTokens = 32;

/**
 * The start-up benchmark: one short warm-up run, then a measured one. Undefined if the model's answer is too short to
 * measure. Takes a few seconds; throws the engine's errors.
 */
export async function runBenchmark(
  model: LoadedModel,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Measured | undefined> {
  if (!model.kinds.includes('chat')) return undefined;
  await run(model, warmUpPrompt, 2, options);
  return run(model, prompt, answerTokens, options);
}

async function run(
  model: LoadedModel,
  content: string,
  maxTokens: number,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<Measured | undefined> {
  const params = { maxTokens, temperature: 1, seed: maxTokens };
  for await (const event of model.doStream(
    { kind: 'chat', input: { messages: [{ role: 'user', content }] }, params },
    options,
  )) {
    if (event.type === 'finish') return speedOf(event);
  }
  return undefined;
}
