import type { LoadedModel } from '#lib/engine/spec.ts';
import { MLCEngine } from '@mlc-ai/web-llm';
import { chat, createEngine, modelOf, read, type Setup } from './subject.ts';

export interface Speed {
  /** Tokens a second after the first, one number a run; run n of both was taken in turn. */
  readonly bare: readonly number[];
  readonly ours: readonly number[];
  readonly prompt: { readonly tokens: number; readonly bare: readonly number[]; readonly ours: readonly number[] };
}

const story = 'Tell me a long story.';

/**
 * The same model twice in one page: WebLLM alone on the page's own thread, and the product's engine in its worker. They
 * take turns, so that what else the machine does falls on both.
 */
export async function measureSpeed(setup: Setup, tokens: number, pairs: number): Promise<Speed> {
  const model = modelOf(setup);
  if (model.source.kind !== 'mlc') throw new Error('not a model of WebLLM');
  const { weightsUrl, libraryUrl } = model.source;
  const bareEngine = new MLCEngine({
    appConfig: {
      model_list: [
        {
          model: weightsUrl,
          model_id: model.name,
          model_lib: libraryUrl,
          overrides: { context_window_size: model.contextTokens },
        },
      ],
    },
    logLevel: 'SILENT',
  });
  await bareEngine.reload(model.name);
  const engine = createEngine(setup);
  try {
    const loaded = await engine.load(model, {});
    const long = 'one two three four five six '.repeat(Math.ceil(Math.min(1_024, setup.contextTokens / 2) / 16));
    const speed = { bare: [] as number[], ours: [] as number[], longBare: [] as number[], longOurs: [] as number[] };
    let promptTokens = 0;
    await bareRun(bareEngine, story, 8);
    await ourRun(loaded, story, 8);
    for (let pair = 0; pair < pairs; pair++) {
      speed.bare.push((await bareRun(bareEngine, story, tokens)).decode);
      speed.ours.push((await ourRun(loaded, story, tokens)).decode);
      speed.longBare.push((await bareRun(bareEngine, `${pair} ${long}`, 1)).prefill);
      const run = await ourRun(loaded, `${pair} ${long}`, 1);
      speed.longOurs.push(run.prefill);
      promptTokens = run.promptTokens;
    }
    const prompt = { tokens: promptTokens, bare: speed.longBare, ours: speed.longOurs };
    return { bare: speed.bare, ours: speed.ours, prompt };
  } finally {
    await engine.close();
    await bareEngine.unload();
  }
}

async function bareRun(engine: MLCEngine, content: string, maxTokens: number) {
  const startedMs = performance.now();
  const stream = await engine.chat.completions.create({
    messages: [{ role: 'user', content }],
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: maxTokens,
    temperature: 0,
    top_p: 0.95,
  });
  let firstMs = 0;
  let lastMs = 0;
  let chunks = 0;
  let promptTokens = 0;
  for await (const chunk of stream) {
    promptTokens = chunk.usage?.prompt_tokens ?? promptTokens;
    if (!chunk.choices[0]?.delta.content) continue;
    lastMs = performance.now();
    firstMs ||= lastMs;
    chunks += 1;
  }
  return {
    decode: (1_000 * (chunks - 1)) / (lastMs - firstMs),
    prefill: (1_000 * promptTokens) / (firstMs - startedMs),
  };
}

async function ourRun(loaded: LoadedModel, content: string, maxTokens: number) {
  const startedMs = performance.now();
  let firstMs = 0;
  let lastMs = 0;
  let tokens = 0;
  const counting: LoadedModel = {
    ...loaded,
    async *doStream(request, options) {
      for await (const event of loaded.doStream(request, options)) {
        if (event.type === 'text-delta') {
          lastMs = performance.now();
          firstMs ||= lastMs;
          tokens += event.tokens;
        }
        yield event;
      }
    },
  };
  const { finish } = await read(counting, chat(content, maxTokens));
  return {
    decode: (1_000 * (tokens - 1)) / (lastMs - firstMs),
    prefill: (1_000 * finish.usage.tokensIn) / (firstMs - startedMs),
    promptTokens: finish.usage.tokensIn,
  };
}
