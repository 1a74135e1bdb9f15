import { errorCode } from '#lib/base/errors.ts';
import type { Engine, EngineEvent, EngineRequest, LoadedModel, LoadProgress, ModelEntry } from '#lib/engine/spec.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';

/**
 * What every engine must do. The cases know no test runner, since one of them runs inside a browser's page: they throw
 * on failure. Each gets a fresh engine and closes it.
 */
export interface EngineSubject {
  createEngine(): Engine | Promise<Engine>;
  readonly model: ModelEntry;
  /** An entry the engine must refuse, and the code it refuses with. */
  readonly bad: { readonly model: ModelEntry; readonly code: string };
  /** `exact`: greedy decoding resumed from text equals an uninterrupted run. */
  readonly resume: 'exact' | 'continues';
  /** `counted`: prompts longer than the context are refused with `too-long`. `remote`: the server decides. */
  readonly context: 'counted' | 'remote';
  /** `kinds` of request it takes; a remote chat server has no raw completion. */
  readonly kinds: readonly EngineRequest['kind'][];
}

export interface EngineCase {
  readonly name: string;
  readonly run: (subject: EngineSubject) => Promise<void>;
}

const chat = (text: string, params: Partial<GenerationParams> = {}): EngineRequest => ({
  kind: 'chat',
  input: { messages: [{ role: 'user', content: text }] },
  params: { maxTokens: 24, temperature: 0, ...params },
});

interface Answer {
  readonly text: string;
  readonly tokens: number;
  readonly finishes: readonly Extract<EngineEvent, { type: 'finish' }>[];
  readonly parts: number;
}

async function read(events: AsyncIterable<EngineEvent>): Promise<Answer> {
  let text = '';
  let tokens = 0;
  let parts = 0;
  const finishes: Extract<EngineEvent, { type: 'finish' }>[] = [];
  for await (const event of events) {
    if (event.type === 'finish') finishes.push(event);
    if (event.type !== 'text-delta') continue;
    assert(finishes.length === 0, 'text came after the finish');
    text += event.text;
    tokens += event.tokens;
    parts += 1;
  }
  return { text, tokens, finishes, parts };
}

const ask = (loaded: LoadedModel, request: EngineRequest) => read(loaded.doStream(request, {}));

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    return errorCode(error);
  }
  return 'nothing-thrown';
}

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  assert(a === b, `${what}: got ${a}, wanted ${b}`);
}

const loadedCase = (name: string, run: (loaded: LoadedModel, subject: EngineSubject) => Promise<void>): EngineCase => ({
  name,
  async run(subject) {
    const engine = await subject.createEngine();
    try {
      await run(await engine.load(subject.model, {}), subject);
    } finally {
      await engine.close();
    }
  },
});

export const engineCases: readonly EngineCase[] = [
  {
    name: 'loads with progress and says what it is',
    async run(subject) {
      const engine = await subject.createEngine();
      const progress: LoadProgress[] = [];
      const loaded = await engine.load(subject.model, { onProgress: (step) => progress.push(step) });
      equal(progress.at(-1)?.phase, 'ready', 'the last phase');
      assert(
        progress.every((step) => step.totalBytes === 0 || step.loadedBytes <= step.totalBytes),
        'more bytes loaded than there are',
      );
      equal(loaded.model.artefact, subject.model.artefact, 'the artefact loaded');
      assert(loaded.contextTokens > 0 && loaded.slots > 0, 'no context or no slot');
      assert(loaded.engine.name !== '' && loaded.engine.deviceClass !== '', 'the engine has no name or device');
      await engine.close();
    },
  },
  loadedCase('streams an answer in parts, finishes once, counts what it delivered', async (loaded) => {
    const answer = await ask(loaded, chat('Tell me a short story.'));
    assert(answer.text.length > 0 && answer.parts > 1, `one piece of ${answer.text.length} characters is no stream`);
    equal(answer.finishes.length, 1, 'finishes');
    const { usage, timings, reason } = answer.finishes[0]!;
    equal(usage.tokensOut, answer.tokens, 'tokensOut against the parts');
    assert(usage.tokensIn > 0, 'the prompt has no tokens');
    assert(timings.ttftMs >= 0 && timings.decodeMs >= 0, 'negative times');
    assert(reason === 'stop' || reason === 'length', 'no reason');
  }),
  loadedCase('ends with length at maxTokens', async (loaded) => {
    const answer = await ask(loaded, chat('Tell me a short story.', { maxTokens: 5 }));
    equal(answer.finishes[0]?.reason, 'length', 'reason');
    equal(answer.tokens, 5, 'tokens');
  }),
  loadedCase('cuts before a stop sequence', async (loaded) => {
    const whole = await ask(loaded, chat('Tell me a short story.'));
    const stop = whole.text.slice(8, 11);
    const cut = await ask(loaded, chat('Tell me a short story.', { stop: [stop] }));
    equal(cut.text, whole.text.slice(0, whole.text.indexOf(stop)), `text before "${stop}"`);
    equal(cut.finishes[0]?.reason, 'stop', 'reason');
    equal(cut.finishes[0]?.usage.tokensOut, cut.tokens, 'tokensOut against the parts');
  }),
  loadedCase('repeats itself with the same seed and when greedy', async (loaded) => {
    const seeded = chat('Say something.', { temperature: 1, seed: 7 });
    equal((await ask(loaded, seeded)).text, (await ask(loaded, seeded)).text, 'same seed');
    equal((await ask(loaded, chat('Hello'))).text, (await ask(loaded, chat('Hello'))).text, 'greedy');
    const others = new Set<string>();
    for (const seed of [1, 2, 3, 4, 5]) {
      others.add((await ask(loaded, chat('Say something.', { temperature: 1.5, seed }))).text);
    }
    assert(others.size > 1, 'five seeds gave one text');
  }),
  loadedCase('stops in the middle and is free again', async (loaded) => {
    const controller = new AbortController();
    let after = 0;
    const code = await codeOf(async () => {
      for await (const event of loaded.doStream(chat('Tell me a long story.'), { signal: controller.signal })) {
        if (controller.signal.aborted) after += 1;
        assert(event.type !== 'finish', 'an abort was reported as a finish');
        controller.abort();
      }
    });
    equal(code, 'aborted', 'code');
    assert(after <= 1, `${after} parts came after the abort`);
    assert((await ask(loaded, chat('Hello'))).finishes.length === 1, 'the slot was not freed');
  }),
  loadedCase('is free again when the reader leaves', async (loaded) => {
    for await (const event of loaded.doStream(chat('Tell me a long story.'), {})) {
      if (event.type === 'text-delta') break;
    }
    assert((await ask(loaded, chat('Hello'))).finishes.length === 1, 'the slot was not freed');
  }),
  loadedCase('does nothing for a signal that has aborted already', async (loaded) => {
    equal(await codeOf(() => read(loaded.doStream(chat('Hello'), { signal: AbortSignal.abort() }))), 'aborted', 'code');
  }),
  loadedCase('refuses a job past its slots with busy', async (loaded) => {
    if (loaded.slots > 8) return;
    const streams = Array.from({ length: loaded.slots }, () =>
      loaded.doStream(chat('Tell me a long story.'), {})[Symbol.asyncIterator](),
    );
    for (const stream of streams) await stream.next();
    equal(await codeOf(() => ask(loaded, chat('Hello'))), 'busy', 'code');
    for (const stream of streams) await stream.return?.();
    assert((await ask(loaded, chat('Hello'))).finishes.length === 1, 'the slot was not freed');
  }),
  {
    name: 'refuses a bad model with its code and can load a good one after',
    async run(subject) {
      const engine = await subject.createEngine();
      equal(await codeOf(() => engine.load(subject.bad.model, {})), subject.bad.code, 'code');
      const loaded = await engine.load(subject.model, {});
      assert((await ask(loaded, chat('Hello'))).finishes.length === 1, 'no answer after the bad model');
      await engine.close();
    },
  },
  {
    name: 'gives up a load that is cancelled and can load after',
    async run(subject) {
      const engine = await subject.createEngine();
      equal(await codeOf(() => engine.load(subject.model, { signal: AbortSignal.abort() })), 'aborted', 'code');
      const loaded = await engine.load(subject.model, {});
      assert((await ask(loaded, chat('Hello'))).finishes.length === 1, 'no answer after the cancelled load');
      await engine.close();
    },
  },
  loadedCase('refuses a prompt past the context and goes on', async (loaded, subject) => {
    if (subject.context === 'remote') return;
    const long = 'one two three four five six seven eight nine ten '.repeat(Math.ceil(loaded.contextTokens / 4));
    equal(await codeOf(() => ask(loaded, chat(long))), 'too-long', 'code');
    assert((await ask(loaded, chat('Hello'))).finishes.length === 1, 'no answer after the long prompt');
  }),
  loadedCase('goes on from delivered text', async (loaded, subject) => {
    const whole = await ask(loaded, chat('Tell me a short story.'));
    const pieces: { text: string; tokens: number }[] = [];
    for await (const event of loaded.doStream(chat('Tell me a short story.'), {})) {
      if (event.type !== 'text-delta') continue;
      pieces.push({ text: event.text, tokens: event.tokens });
      if (pieces.length === 6) break;
    }
    const resume = {
      text: pieces.map((piece) => piece.text).join(''),
      tokens: pieces.reduce((sum, piece) => sum + piece.tokens, 0),
    };
    const rest = await ask(loaded, { ...chat('Tell me a short story.'), resume });
    if (subject.resume === 'exact') {
      equal(resume.text + rest.text, whole.text, 'joined text');
      equal(resume.tokens + rest.tokens, whole.tokens, 'joined tokens');
    }
    assert(rest.text !== '' && !rest.text.startsWith(resume.text), 'the answer began anew');
    equal(rest.finishes.length, 1, 'finishes');
  }),
  loadedCase('completes a raw prompt', async (loaded, subject) => {
    if (!subject.kinds.includes('completion')) return;
    const params = { maxTokens: 8, temperature: 0 };
    const answer = await ask(loaded, { kind: 'completion', input: { prompt: 'Once upon a time' }, params });
    equal(answer.finishes.length, 1, 'finishes');
    equal(answer.finishes[0]?.usage.tokensOut, answer.tokens, 'tokensOut against the parts');
  }),
  loadedCase('unloads twice, in the middle of an answer, and answers no more', async (loaded) => {
    const stream = loaded.doStream(chat('Tell me a long story.'), {})[Symbol.asyncIterator]();
    await stream.next();
    await loaded.unload();
    const code = await codeOf(async () => {
      for (let step = 0; step < 1_000; step++) if ((await stream.next()).done) return;
    });
    equal(code, 'aborted', 'code of the running answer');
    await loaded.unload();
    assert((await codeOf(() => ask(loaded, chat('Hello')))) !== 'nothing-thrown', 'it answers after unloading');
  }),
];
