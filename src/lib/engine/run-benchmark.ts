import { seededRandom } from '#lib/base/random.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import { speedOf } from './middleware/meter.ts';
import type { LoadedModel } from './spec.ts';

/** Shares no prefix with the measured prompt, so that the engine's prefix cache does not help. */
const warmUpPrompt = 'Say a word.';

/** Long enough for prefill to be measurable, and unlikely to be answered briefly; drawn, so that no cache has its prefix. */
const words = 'one two three four five six seven eight nine ten eleven twelve'.split(' ');
const promptWords = 36;
const answerTokens = 32;

/**
 * The start-up benchmark: one short warm-up run, then a measured one. Undefined if the model's answer is too short to
 * measure. Takes a few seconds; throws the engine's errors. `seed` draws the prompt.
 */
export async function runBenchmark(
  model: LoadedModel,
  { seed = 0, ...options }: { readonly signal?: AbortSignal | undefined; readonly seed?: number } = {},
): Promise<Measured | undefined> {
  if (!model.kinds.includes('chat')) return undefined;
  await run(model, warmUpPrompt, 2, options);
  const random = seededRandom(seed);
  const drawn = Array.from({ length: promptWords }, () => words[Math.floor(random.float() * words.length)]);
  return run(model, drawn.join(' '), answerTokens, options);
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
