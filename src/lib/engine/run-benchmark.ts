import type { Measured } from '#lib/protocol/offer.ts';
import { speedOf } from './middleware/meter.ts';
import type { LoadedModel } from './spec.ts';

/** Another beginning than the prompt that counts, so that the engine's cache holds nothing of it. */
const warmUpPrompt = 'Say a word.';

/** A prompt long enough for prefill to show, and an answer that no stop token is likely to end early. */
const prompt = 'one two three four five six seven eight nine ten eleven twelve '.repeat(3).trim();
const answerTokens = 32;

/**
 * The start-up benchmark: one short run to warm up, one that counts. Undefined when the model ends its answer before
 * there is anything to measure. At most some seconds; errors are the engine's.
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
