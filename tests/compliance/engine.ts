import { errorCode, type TabloomError } from '#lib/base/errors.ts';
import type { LoadProgress } from '#lib/engine/spec.ts';
import { embeddingCases } from './engine-embedding.ts';
import { ask, assert, chat, codeOf, equal, freshCase, loadedCase, read, story, type EngineCase } from './engine-kit.ts';
import { resumeCases } from './engine-resume.ts';
import { featureCases } from './engine-features.ts';

export type { EngineSubject } from './engine-kit.ts';

const contractCases: readonly EngineCase[] = [
  {
    name: 'loads with progress and reports its info',
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
  loadedCase('streams an answer in parts, finishes once, counts delivered tokens', async (loaded) => {
    const answer = await ask(loaded, chat(story));
    assert(
      answer.text.length > 0 && answer.parts.length > 1,
      `one piece of ${answer.text.length} characters is no stream`,
    );
    equal(answer.finishes.length, 1, 'finishes');
    const { usage, timings, reason } = answer.finishes[0]!;
    equal(usage.tokensOut, answer.tokens, 'tokensOut against the parts');
    assert(usage.tokensIn > 0, 'the prompt has no tokens');
    assert(timings.ttftMs >= 0 && timings.decodeMs >= 0, 'negative times');
    assert(reason === 'stop' || reason === 'length', 'no reason');
  }),
  loadedCase('ends with length at maxTokens', async (loaded) => {
    const answer = await ask(loaded, chat(story, { maxTokens: 5 }));
    equal(answer.finishes[0]?.reason, 'length', 'reason');
    equal(answer.tokens, 5, 'tokens');
  }),
  loadedCase('cuts before a stop sequence', async (loaded) => {
    const whole = await ask(loaded, chat(story));
    const stop = whole.text.slice(8, 11);
    const cut = await ask(loaded, chat(story, { stop: [stop] }));
    equal(cut.text, whole.text.slice(0, whole.text.indexOf(stop)), `text before "${stop}"`);
    equal(cut.finishes[0]?.reason, 'stop', 'reason');
    equal(cut.finishes[0]?.usage.tokensOut, cut.tokens, 'tokensOut against the parts');
  }),
  loadedCase('is deterministic with a seed and when greedy', async (loaded) => {
    const seeded = chat('Say something.', { temperature: 1, seed: 7 });
    equal((await ask(loaded, seeded)).text, (await ask(loaded, seeded)).text, 'same seed');
    equal((await ask(loaded, chat('Hello'))).text, (await ask(loaded, chat('Hello'))).text, 'greedy');
    const others = new Set<string>();
    for (const seed of [1, 2, 3, 4, 5]) {
      others.add((await ask(loaded, chat('Say something.', { temperature: 1.5, seed }))).text);
    }
    assert(others.size > 1, 'five seeds gave one text');
  }),
  loadedCase('aborts mid-answer and frees its slot', async (loaded) => {
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
  loadedCase('frees its slot when the reader leaves', async (loaded) => {
    for await (const event of loaded.doStream(chat('Tell me a long story.'), {})) {
      if (event.type === 'text-delta') break;
    }
    assert((await ask(loaded, chat('Hello'))).finishes.length === 1, 'the slot was not freed');
  }),
  loadedCase('does nothing if the signal has already aborted', async (loaded) => {
    equal(await codeOf(() => read(loaded.doStream(chat('Hello'), { signal: AbortSignal.abort() }))), 'aborted', 'code');
  }),
  loadedCase('refuses a job beyond its slots with busy', async (loaded) => {
    if (loaded.slots > 8) return;
    // Begun at once, so that none is over before the last begins.
    const asked = Array.from({ length: loaded.slots + 1 }, () =>
      codeOf(() => ask(loaded, chat('Tell me a long story.'))),
    );
    const refused = (await Promise.all(asked)).filter((code) => code !== 'nothing-thrown');
    equal(refused, ['busy'], 'codes of those that were refused');
    assert((await ask(loaded, chat('Hello'))).finishes.length === 1, 'the slot was not freed');
  }),
  {
    name: 'refuses a bad model with its code and can load a good one afterwards',
    async run(subject) {
      const engine = await subject.createEngine();
      equal(await codeOf(() => engine.load(subject.bad.model, {})), subject.bad.code, 'code');
      const loaded = await engine.load(subject.model, {});
      assert((await ask(loaded, chat('Hello'))).finishes.length === 1, 'no answer after the bad model');
      await engine.close();
    },
  },
  {
    name: 'cancels a load and can load afterwards',
    async run(subject) {
      const engine = await subject.createEngine();
      equal(await codeOf(() => engine.load(subject.model, { signal: AbortSignal.abort() })), 'aborted', 'code');
      const loaded = await engine.load(subject.model, {});
      assert((await ask(loaded, chat('Hello'))).finishes.length === 1, 'no answer after the cancelled load');
      await engine.close();
    },
  },
  loadedCase('refuses a prompt beyond the context and stays usable', async (loaded, subject) => {
    if (subject.context === 'remote') return;
    const long = 'one two three four five six seven eight nine ten '.repeat(Math.ceil(loaded.contextTokens / 4));
    equal(await codeOf(() => ask(loaded, chat(long))), 'too-long', 'code');
    const turns = Array.from({ length: 21 }, (_, index) => ({
      role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content: long.slice(0, long.length >> 3),
    }));
    const error = await ask(loaded, { ...chat(''), input: { messages: turns } }).catch((thrown: unknown) => thrown);
    equal(errorCode(error), 'too-long', 'code for a long conversation: nothing is left out without a word');
    if (loaded.engine.deviceClass === 'remote') return;
    const { promptTokens, contextTokens } = (error as TabloomError).details as Record<string, number>;
    assert(
      promptTokens! >= contextTokens! && contextTokens === loaded.contextTokens,
      'the error does not say by how much',
    );
    assert((await ask(loaded, chat('Hello'))).finishes.length === 1, 'no answer after the long prompt');
  }),
  loadedCase('completes a raw prompt', async (loaded, subject) => {
    if (!subject.kinds.includes('completion')) return;
    const params = { maxTokens: 8, temperature: 0 };
    const answer = await ask(loaded, { kind: 'completion', input: { prompt: 'Once upon a time' }, params });
    equal(answer.finishes.length, 1, 'finishes');
    equal(answer.finishes[0]?.usage.tokensOut, answer.tokens, 'tokensOut against the parts');
  }),
  freshCase('unloads idempotently mid-answer, and refuses further requests', async (loaded) => {
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

export const engineCases: readonly EngineCase[] = [
  ...contractCases,
  ...resumeCases,
  ...featureCases,
  ...embeddingCases,
];
