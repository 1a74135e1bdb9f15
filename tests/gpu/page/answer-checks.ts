import { errorCode } from '#lib/base/errors.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { PageCheck } from './check.ts';
import { assert } from '../../compliance/engine-kit.ts';
import { chat, createEngine, modelOf, read, seconds, type Setup } from './subject.ts';

const loadedCheck = (
  name: string,
  run: (loaded: LoadedModel) => Promise<string>,
  kind: 'plain' | 'thinks' = 'plain',
): PageCheck => ({
  name,
  async run(setup: Setup) {
    const engine = createEngine(setup);
    try {
      return await run(await engine.load(modelOf(setup, kind), {}));
    } finally {
      await engine.close();
    }
  },
});

/** In a few tokens each what the engine's contract asks in many: for a device that takes seconds for a token. */
export const shortChecks: readonly PageCheck[] = [
  loadedCheck('few tokens: streams, counts, goes on, stops in the middle, completes', async (loaded) => {
    const whole = await read(loaded, chat('Hello', 3));
    assert(whole.tokens === 3 && whole.finish.reason === 'length', `${whole.tokens} tokens, ${whole.finish.reason}`);
    assert(whole.finish.usage.tokensOut === 3 && whole.finish.usage.tokensIn > 0, 'the usage is not what was asked');
    const head = await read(loaded, chat('Hello', 1));
    const rest = await read(loaded, chat('Hello', 3, { resume: { text: head.text, tokens: 1 } }));
    const [before, after] = [whole.finish.usage.tokensIn, rest.finish.usage.tokensIn];
    assert(after === before + 1, `the prompt has ${before} tokens, and ${after} with one more`);
    assert(head.text + rest.text === whole.text, `resumed "${head.text + rest.text}", at once "${whole.text}"`);

    const controller = new AbortController();
    const code = await cut(loaded, controller);
    assert(code === 'aborted', code);
    const params = { maxTokens: 1, temperature: 0 };
    const completed = await read(loaded, { kind: 'completion', input: { prompt: 'Once' }, params });
    assert(completed.tokens === 1, 'no completion after the abort');
    return `"${whole.text}"; ${whole.finish.usage.tokensIn} tokens of prompt in ${seconds(whole.finish.timings.ttftMs)}, then ${seconds(whole.finish.timings.decodeMs / 2)} a token`;
  }),
];

async function cut(loaded: LoadedModel, controller: AbortController): Promise<string> {
  try {
    for await (const event of loaded.doStream(chat('Hello', 16), { signal: controller.signal })) {
      if (event.type === 'text-delta') controller.abort();
    }
  } catch (error) {
    return errorCode(error);
  }
  return 'nothing-thrown';
}

const greetings = [
  'Hello',
  'Say something.',
  'Tell me a story.',
  'Once',
  'Tell me a long story.',
  'time',
  'I think',
  'No',
];

/** What is WebLLM's own and no other engine's. */
export const answerChecks: readonly PageCheck[] = [
  loadedCheck('going on from text is the uninterrupted answer, prompt by prompt', async (loaded) => {
    let equal = 0;
    for (const greeting of greetings) {
      const whole = await read(loaded, chat(greeting, 24));
      const head = await read(loaded, chat(greeting, 8));
      const rest = await read(loaded, chat(greeting, 24, { resume: { text: head.text, tokens: 8 } }));
      if (head.text + rest.text === whole.text) equal += 1;
    }
    // Reading a prompt rounds otherwise than writing token by token: in 16 bits, two tokens as good as each other may swap.
    assert(equal >= greetings.length / 2, `only ${equal} of ${greetings.length} are the same`);
    return `${equal} of ${greetings.length} the same`;
  }),
  loadedCheck(
    'a model told not to think gives as many tokens as asked for',
    async (loaded) => {
      const { text, tokens, finish } = await read(loaded, chat('Hello', 5));
      assert(!text.includes('think'), `thoughts reached the reader: "${text}"`);
      assert(tokens === 5 && finish.reason === 'length', `${tokens} tokens, then ${finish.reason}`);
      const head = await read(loaded, chat('Hello', 2));
      const rest = await read(loaded, chat('Hello', 5, { resume: { text: head.text, tokens: head.tokens } }));
      const [before, after] = [head.finish.usage.tokensIn, rest.finish.usage.tokensIn];
      assert(rest.tokens === 3 && after === before + 2, `${rest.tokens} tokens after ${after - before} to go on from`);
      return '';
    },
    'thinks',
  ),
  loadedCheck('a second turn is answered as the whole conversation is', async (loaded) => {
    const first = await read(loaded, chat('Hello', 8));
    const messages = [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: first.text },
      { role: 'user', content: 'Tell me a story.' },
    ] as const;
    const more = { input: { messages } } as unknown as Parameters<typeof chat>[2];
    const second = await read(loaded, chat('', 8, more));
    await read(loaded, chat('Say something.', 2));
    const anew = await read(loaded, chat('', 8, more));
    assert(second.text === anew.text, `in turn "${second.text}", anew "${anew.text}"`);
    return `prompt counted as ${second.finish.usage.tokensIn} tokens in turn, ${anew.finish.usage.tokensIn} anew`;
  }),
  loadedCheck('a conversation past the context is refused and the next one answered', async (loaded) => {
    const turn = 'one two three four five six seven eight nine ten '.repeat(Math.ceil(loaded.contextTokens / 60));
    const messages = Array.from({ length: 9 }, (_, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: turn,
    }));
    const more = { input: { messages } } as unknown as Parameters<typeof chat>[2];
    const code = await read(loaded, chat('', 4, more)).then(() => 'nothing-thrown', errorCode);
    assert(code === 'too-long', code);
    assert((await read(loaded, chat('Hello', 2))).tokens === 2, 'no answer after the long conversation');
    return '';
  }),
  loadedCheck('an abort while the prompt is read frees the slot', async (loaded) => {
    const long = 'one two three four five six '.repeat(Math.ceil(loaded.contextTokens / 24));
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const startedMs = performance.now();
    const code = await read(
      { ...loaded, doStream: (request) => loaded.doStream(request, { signal: controller.signal }) },
      chat(long, 8),
    ).then(() => 'nothing-thrown', errorCode);
    const tookMs = performance.now() - startedMs;
    assert(code === 'aborted', code);
    assert((await read(loaded, chat('Hello', 2))).tokens === 2, 'no answer after the abort');
    return `free after ${seconds(tookMs)}`;
  }),
];
